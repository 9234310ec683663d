"""What rendering needs of a checkpoint: its tokenizer and its image settings, and nothing heavy.

Reads the checkpoint's own files with `tokenizers` and numpy, so a page can show a record as the
model sees it without importing torch. The ids and patches are those of the library's processor.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from mlcore.chat.encode import PlainEncoder
from mlcore.errors import DataError
from mlcore.models.images import ImageSettings, Patcher
from mlcore.models.tokens import StructureIds, coord_token_ids, structure_ids

TOKENIZER = "tokenizer.json"
IMAGES = "preprocessor_config.json"
PROCESSOR = "processor_config.json"


@dataclass(frozen=True)
class RenderKit:
    """The tokenizer and the patch maker of one checkpoint. Safe to share between threads.

    `source` names the checkpoint in errors; `added` maps the text of each added token to its id.
    """

    source: str
    ids: StructureIds
    patcher: Patcher
    added: Mapping[str, int]
    encode: Callable[[str], tuple[int, ...]]
    """text to ids without special meaning"""
    _tokenizer: Tokenizer

    @classmethod
    def from_folder(cls, checkpoint: Path) -> RenderKit:
        """The kit of a checkpoint folder. Raises DataError when a file is missing or not ours."""
        images = checkpoint / IMAGES
        if not images.is_file():
            images = checkpoint / PROCESSOR
        return cls.from_bytes(
            _read(checkpoint / TOKENIZER), _read(images), source=str(checkpoint)
        )

    @classmethod
    def from_bytes(
        cls, tokenizer_json: bytes, preprocessor_json: bytes, source: str = "checkpoint"
    ) -> RenderKit:
        """The kit of the two files' contents: tokenizer.json and preprocessor_config.json.

        A processor_config.json that holds the image settings serves as well as the second.
        Raises DataError when one cannot be read or lacks structural tokens or settings.
        """
        stored = _object(tokenizer_json, TOKENIZER, source)
        settings = _object(preprocessor_json, IMAGES, source)
        settings = settings.get("image_processor", settings)
        try:
            text = tokenizer_json.decode("utf-8")
            tokenizer = Tokenizer.from_str(text)
            encoder = PlainEncoder(text)
            added = {str(t["content"]): int(t["id"]) for t in stored["added_tokens"]}
        except Exception as error:
            raise _unusable(TOKENIZER, error, source) from error
        return cls(
            source=source,
            ids=structure_ids(added, source),
            patcher=Patcher(ImageSettings.from_json(settings, source)),
            added=added,
            encode=encoder.encode,
            _tokenizer=tokenizer,
        )

    @cached_property
    def coord_ids(self) -> tuple[int, ...]:
        """Ids of the coordinate tokens, index = bin.

        Raises DataError when the checkpoint has none, which only object_N answers can do without.
        """
        return tuple(coord_token_ids(self.added, self.source))

    @cached_property
    def names(self) -> Mapping[int, str]:
        """The text of each added token by its id."""
        return {id_: text for text, id_ in self.added.items()}

    @cached_property
    def vocabulary(self) -> Mapping[str, int]:
        """The id of every token by its text, added ones included."""
        return dict(self._tokenizer.get_vocab(with_added_tokens=True))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, added tokens included as they are written."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot read {path.name} of the checkpoint: {error.strerror}",
            hint="A checkpoint folder holds tokenizer.json and preprocessor_config.json.",
            where=str(path),
        ) from error


def _object(raw: bytes, name: str, source: str) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise _unusable(name, error, source) from error
    if not isinstance(value, dict):
        raise _unusable(name, TypeError("not a JSON object"), source)
    return value


def _unusable(name: str, error: Exception, source: str) -> DataError:
    return DataError(f"{name} of the checkpoint cannot be used: {error}", where=source)
