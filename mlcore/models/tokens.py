"""The tokens that carry structure: chat, vision and coordinates."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlcore.errors import DataError
from mlcore.models.config import COORD_TOKENS

END_OF_TEXT = "<|endoftext|>"
IM_START = "<|im_start|>"
IM_END = "<|im_end|>"
VISION_START = "<|vision_start|>"
VISION_END = "<|vision_end|>"
IMAGE_PAD = "<|image_pad|>"
VIDEO_PAD = "<|video_pad|>"
STRUCTURE = (END_OF_TEXT, IM_START, IM_END, VISION_START, VISION_END, IMAGE_PAD, VIDEO_PAD)


@dataclass(frozen=True)
class StructureIds:
    """Ids of the structural tokens of one tokenizer."""

    pad: int
    im_start: int
    im_end: int
    vision_start: int
    vision_end: int
    image_pad: int
    video_pad: int


def coord_token(bin_: int) -> str:
    """The text of the coordinate token of a bin, as in `<|coord_110|>`."""
    return f"<|coord_{bin_}|>"


def structure_ids(added: Mapping[str, int], where: str = "") -> StructureIds:
    """Ids of the structural tokens among a tokenizer's added ones, by text.

    Raises DataError when one is missing or two share an id.
    """
    return StructureIds(*_distinct_ids(added, STRUCTURE, where))


def coord_token_ids(added: Mapping[str, int], where: str = "") -> list[int]:
    """Ids of the coordinate tokens among a tokenizer's added ones, index = bin.

    Raises DataError unless there are exactly 1000 distinct ones.
    """
    return _distinct_ids(added, [coord_token(k) for k in range(COORD_TOKENS)], where)


def _distinct_ids(vocabulary: Mapping[str, int], names: Sequence[str], where: str) -> list[int]:
    missing = [name for name in names if name not in vocabulary]
    if missing:
        raise DataError(
            f"the tokenizer lacks {len(missing)} token(s), the first is {missing[0]}",
            hint="The checkpoint was made for other output; `model.coord_tokens: expand` of a "
            "fine-tune adds coordinate tokens.",
            where=where,
        )
    ids = [int(vocabulary[name]) for name in names]
    if len(set(ids)) != len(ids):
        raise DataError("two structural tokens share an id", where=where)
    return ids
