"""images.jsonl: every image of a dataset folder, one line each, in the order of writing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from mlcore.contract.pictures import Fault, decode
from mlcore.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IMAGE_LIST = "images.jsonl"
_TEXTS = {"path": r".+", "sha256": r"[0-9a-f]{64}", "dhash": r"[0-9a-f]{16}"}
_NUMBERS = ("bytes", "width", "height")


@dataclass(frozen=True)
class ImageEntry:
    """One image file. Sizes in pixels and bytes; `dhash` is 16 hex digits, for near-duplicates."""

    path: str
    sha256: str
    bytes: int
    width: int
    height: int
    dhash: str

    def line(self) -> str:
        """The entry's line of images.jsonl, without its newline."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))


def image_entry(path: str, data: bytes, pixels: NDArray[np.uint8] | None = None) -> ImageEntry:
    """The entry of an image's bytes. `pixels` are its RGB [H, W, 3] where they are at hand.

    Raises DataError when the bytes are no complete JPEG or PNG picture.
    """
    # Reading a list needs neither of the two; the workers of a check stay small without them.
    import numpy as np

    from mlcore.contract.neighbours import dhash

    shown = np.asarray(_decoded(path, data)) if pixels is None else pixels
    height, width = shown.shape[:2]
    digest = hashlib.sha256(data).hexdigest()
    return ImageEntry(path, digest, len(data), width, height, f"{dhash(shown):016x}")


def read_image_list(folder: Path) -> Iterator[ImageEntry]:
    """The entries of a dataset folder. Raises DataError naming a missing file or a bad line."""
    path = folder / IMAGE_LIST
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", where=str(path)) from error
    with file:
        for number, raw in enumerate(file, start=1):
            yield parse_image_entry(raw, f"{path}:{number}")


def parse_image_entry(raw: bytes, where: str) -> ImageEntry:
    """An entry from its line. Raises DataError naming `where`."""
    try:
        row: Any = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{IMAGE_LIST}: not JSON: {error}", where=where) from error
    if not isinstance(row, dict) or set(row) != {*_TEXTS, *_NUMBERS}:
        keys = ", ".join(sorted({*_TEXTS, *_NUMBERS}))
        raise DataError(f"{IMAGE_LIST}: an entry has exactly the keys {keys}", where=where)
    for key, pattern in _TEXTS.items():
        if not isinstance(row[key], str) or not re.fullmatch(pattern, row[key]):
            raise DataError(f"{IMAGE_LIST}: {key} is {row[key]!r}", where=where)
    for key in _NUMBERS:
        if type(row[key]) is not int or row[key] < 1:
            raise DataError(f"{IMAGE_LIST}: {key} is {row[key]!r}", where=where)
    return ImageEntry(**row)


def _decoded(path: str, data: bytes) -> Image.Image:
    image = decode(data)
    if isinstance(image, Fault):
        raise DataError(f"{path}: {image.message}", where=path)
    return image.convert("RGB")
