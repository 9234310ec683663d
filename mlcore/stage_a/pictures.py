"""A ticket's picture as the model sees it: whole, upright, and of a size as an import makes it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mlcore.contract.import_config import Resize
from mlcore.contract.pictures import Fault, decode, header_of, read_header, read_image
from mlcore.contract.transform import MAX_ASPECT, target_size, upright_rgb
from mlcore.errors import DataError

Part = TypeVar("Part")


def size_of(root: Path, path: str, resize: Resize | None) -> int:
    """Pixels of the picture for the model by its file's header; 0 where that cannot be read."""
    header = header_of(root, path)
    if isinstance(header, Fault):
        return 0
    width, height = target_size(*header.shown_size, resize)
    return width * height


def read_picture(root: Path, path: str, resize: Resize | None) -> npt.NDArray[np.uint8]:
    """The picture as uint8 [H, W, 3]. Raises DataError where it is missing, outside `root`, cut,
    no JPEG or PNG, or too long and thin."""
    data = _good(read_image(root, path), path)
    header = _good(read_header(data), path)
    shown = header.shown_size
    if resize is not None and max(shown) > MAX_ASPECT * min(shown):
        raise DataError(f"the picture is too long and thin: {shown[0]} x {shown[1]}", where=path)
    picture = upright_rgb(_good(decode(data), path), header.orientation)
    size = target_size(*shown, resize)
    return np.asarray(picture if size == picture.size else picture.resize(size))


def _good(found: Part | Fault, path: str) -> Part:
    """What was found. Raises DataError for a fault."""
    if isinstance(found, Fault):
        raise DataError(f"the picture {found.message}", where=path)
    return found
