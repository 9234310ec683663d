"""The one renderer from record to token ids and labelled spans.

    <|im_start|>user\\n<|vision_start|><|image_pad|>...<|vision_end|>PROMPT<|im_end|>\\n
    <|im_start|>assistant\\nANSWER<|im_end|>

Training and generation share it: a prompt is the training example without its answer.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlcore.chat.answers import Piece, answer_pieces
from mlcore.chat.kit import RenderKit
from mlcore.chat.positions import Segment, position_ids
from mlcore.chat.prompts import Mode, profile_named
from mlcore.contract.records import Record
from mlcore.errors import DataError
from mlcore.models.images import Patches, read_rgb

UNSUPERVISED = -100
"""label of a token that carries no loss"""
RgbImage = npt.NDArray[np.uint8]


class Span(NamedTuple):
    """Tokens start..stop (stop excluded) of one kind: desc, coord, format, summary or eos."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class TrainingExample:
    """One rendered sample. A prompt is the same with no supervised token.

    input_ids int64 [L]; labels int64 [L], the id at that very place or -100, so the loss shifts;
    position_ids int64 [4, L] (text, time, height, width); pixel_values float32 [patches, dim];
    image_grid_thw int64 [images, 3] in patches; spans cover every supervised token once; images
    are their names, for messages.
    """

    record_id: str
    images: tuple[str, ...]
    mode: Mode
    input_ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    position_ids: npt.NDArray[np.int64]
    pixel_values: npt.NDArray[np.float32]
    image_grid_thw: npt.NDArray[np.int64]
    spans: tuple[Span, ...]
    prompt_length: int

    def __len__(self) -> int:
        return len(self.input_ids)


class Renderer:
    """Renders records with one checkpoint's kit and one prompt profile. Not tied to torch."""

    def __init__(self, kit: RenderKit, profile: str = "inspection") -> None:
        self.profile = profile_named(profile)
        self.kit = kit
        self.ids = kit.ids
        self.coord_ids = kit.coord_ids
        self._encode = kit.encode
        self._patcher = kit.patcher

    def training_example(
        self, record: Record, image_root: Path | None, mode: Mode, *, image: RgbImage | None = None
    ) -> TrainingExample:
        """Prompt and supervised answer of a record.

        The image is `image` (uint8 [H, W, 3]) when given, else read from below `image_root`.
        Raises DataError on an unreadable or wrongly sized image, or a record without answer.
        """
        answer, spans = self._answer(answer_pieces(record, mode))
        return self._example(record, self._patches(record, image_root, image), mode, answer, spans)

    def prompt_example(
        self, record: Record, image_root: Path | None, mode: Mode, *, image: RgbImage | None = None
    ) -> TrainingExample:
        """The prompt alone, for generation: exactly the start of the training example."""
        return self._example(record, self._patches(record, image_root, image), mode, [], [])

    def _patches(self, record: Record, root: Path | None, image: RgbImage | None) -> list[Patches]:
        if image is not None:
            return [self._sized(record, image, record.id)]
        if root is None:
            raise DataError("neither an image nor a folder to read it from", where=record.id)
        if not record.images:
            raise DataError("the record names no image", where=record.id)
        paths = [root / name for name in record.images]
        return [self._sized(record, read_rgb(path), str(path)) for path in paths]

    def _sized(self, record: Record, image: RgbImage, where: str) -> Patches:
        height, width = image.shape[:2]
        if (width, height) != (record.width, record.height):
            raise DataError(
                f"the image is {width} x {height}, its record says "
                f"{record.width} x {record.height}",
                where=where,
            )
        return self._patcher(image, where)

    def _example(
        self,
        record: Record,
        images: Sequence[Patches],
        mode: Mode,
        answer: list[int],
        spans: list[Span],
    ) -> TrainingExample:
        prompt, segments = self._prompt(images, mode)
        start = len(prompt)
        input_ids = np.array(prompt + answer, dtype=np.int64)
        labels = input_ids.copy()
        labels[:start] = UNSUPERVISED
        return TrainingExample(
            record_id=record.id,
            images=record.images,
            mode=mode,
            input_ids=input_ids,
            labels=labels,
            position_ids=position_ids(segments, len(answer)),
            pixel_values=np.concatenate([patches.values for patches in images]),
            image_grid_thw=np.array([patches.grid for patches in images], dtype=np.int64),
            spans=tuple(Span(s.name, s.start + start, s.stop + start) for s in spans),
            prompt_length=start,
        )

    def _prompt(
        self, images: Sequence[Patches], mode: Mode
    ) -> tuple[list[int], tuple[Segment, ...]]:
        ids, merge = self.ids, self._patcher.merge_size
        out: list[int] = []
        segments: list[Segment] = []
        text = 0
        if self.profile.system:
            out += self._turn("system", self.profile.system)
        out += [ids.im_start, *self._encode("user\n")]
        for patches in images:
            out.append(ids.vision_start)
            frames, rows, columns = patches.grid
            grid = (frames, rows // merge, columns // merge)
            segments += [len(out) - text, grid]
            out += [ids.image_pad] * (grid[0] * grid[1] * grid[2])
            text = len(out)
            out.append(ids.vision_end)
        out += [*self._encode(self.profile.user_text(mode)), ids.im_end, *self._encode("\n")]
        out += [ids.im_start, *self._encode("assistant\n")]
        return out, (*segments, len(out) - text)

    def _turn(self, role: str, text: str) -> list[int]:
        start, end = self.ids.im_start, self.ids.im_end
        return [start, *self._encode(f"{role}\n"), *self._encode(text), end, *self._encode("\n")]

    def _answer(self, pieces: Sequence[Piece]) -> tuple[list[int], list[Span]]:
        out: list[int] = []
        spans: list[Span] = []
        for piece in pieces:
            start = len(out)
            is_coord = piece.name == "coord"
            out += [self.coord_ids[piece.bin]] if is_coord else self._encode(piece.text)
            spans.append(Span(piece.name, start, len(out)))
        spans.append(Span("eos", len(out), len(out) + 1))
        return [*out, self.ids.im_end], spans
