"""From an image to the patches that the vision tower reads. Nothing is ever resized here."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from mlcore.errors import DataError

BROKEN = (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError)
"""what Pillow raises on a damaged or hostile file"""
DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
"""Pillow modes with more than 8 bits a channel: converting would clip them"""


def read_rgb(path: Path) -> npt.NDArray[np.uint8]:
    """An image file as uint8 [H, W, 3], upright by its EXIF orientation.

    Raises DataError when the file is missing, broken or has more than 8 bits a channel.
    """
    return decode_rgb(path, str(path))


def decode_rgb(source: Path | IO[bytes], where: str) -> npt.NDArray[np.uint8]:
    """As `read_rgb`, of a file or of its bytes; `where` names it in errors."""
    try:
        with Image.open(source) as image:
            return rgb_of(image, where)
    except FileNotFoundError as error:
        raise DataError("the image is missing", where=where) from error
    except BROKEN as error:
        raise DataError(f"the image cannot be read: {error}", where=where) from error


def rgb_of(image: Image.Image, where: str) -> npt.NDArray[np.uint8]:
    """A Pillow image as uint8 [H, W, 3], upright.

    Raises DataError on more than 8 bits a channel and on damaged data.
    """
    if image.mode in DEEP_MODES:
        raise DataError(f"{image.mode} images are not supported", where=where)
    try:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except BROKEN as error:
        raise DataError(f"the image cannot be read: {error}", where=where) from error


@dataclass(frozen=True)
class Patches:
    """Flattened patches of one image.

    values float32 [grid height * grid width, patch dim]; grid (time, height, width) in patches.
    """

    values: npt.NDArray[np.float32]
    grid: tuple[int, int, int]


@dataclass(frozen=True)
class ImageSettings:
    """What a checkpoint says about images. Sizes in pixels; a patch spans `frames` frames.

    mean and std, one per channel, are of values that `rescale_factor` has brought to 0..1.
    """

    patch_size: int
    merge_size: int
    frames: int
    rescale_factor: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], where: str) -> ImageSettings:
        """Settings as a checkpoint's preprocessor_config.json holds them.

        Raises DataError where one is missing or not what it must be.
        """
        try:
            mean, std = ([float(v) for v in stored[k]] for k in ("image_mean", "image_std"))
            settings = cls(
                patch_size=int(stored["patch_size"]),
                merge_size=int(stored["merge_size"]),
                frames=int(stored["temporal_patch_size"]),
                rescale_factor=float(stored.get("rescale_factor", 1 / 255)),
                mean=(mean[0], mean[1], mean[2]),
                std=(std[0], std[1], std[2]),
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DataError(
                f"the image settings lack or misstate {error}",
                hint="The checkpoint's preprocessor_config.json must be one of Qwen3-VL.",
                where=where,
            ) from error
        if min(settings.patch_size, settings.merge_size, settings.frames, *std) <= 0:
            raise DataError("an image setting is not above 0", where=where)
        return settings


class Patcher:
    """Makes patches with a checkpoint's image settings, to the library processor's numbers.

    An 8-bit channel has 256 values, so scaling and normalising are one look-up in a table that
    is computed in the library's own order of operations.
    """

    def __init__(self, settings: ImageSettings) -> None:
        self.settings = settings
        self.patch_size = settings.patch_size
        self.merge_size = settings.merge_size
        self.frames = settings.frames
        values = np.arange(256, dtype=np.float64) * settings.rescale_factor
        values = values.astype(np.float32)
        mean = np.asarray(settings.mean, dtype=np.float32)
        std = np.asarray(settings.std, dtype=np.float32)
        self._table = np.stack([(values - m) / s for m, s in zip(mean, std, strict=True)])

    @property
    def multiple(self) -> int:
        """Sides of an image must be multiples of this, in pixels."""
        return self.patch_size * self.merge_size

    @property
    def values_per_patch(self) -> int:
        """Numbers of one flattened patch."""
        return 3 * self.frames * self.patch_size**2

    def __call__(self, image: npt.NDArray[np.uint8], where: str) -> Patches:
        """Patches of a uint8 [H, W, 3] image. Raises DataError naming `where` on a wrong size."""
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise DataError(f"not an 8-bit RGB image: {image.dtype} {image.shape}", where=where)
        height, width = image.shape[:2]
        if height % self.multiple or width % self.multiple or not height or not width:
            raise DataError(
                f"the image is {width} x {height}; sides must be multiples of {self.multiple}",
                hint="Images are sized when the dataset is made, never while training.",
                where=where,
            )
        side, merge = self.patch_size, self.merge_size
        rows, columns = height // side, width // side
        blocks = image.reshape(rows // merge, merge, side, columns // merge, merge, side, 3)
        blocks = blocks.transpose(0, 3, 1, 4, 6, 2, 5)
        flat = blocks.reshape(rows * columns, 3, side * side)
        frame = np.stack([self._table[c][flat[:, c]] for c in range(3)], axis=1)
        values = np.repeat(frame[:, :, None], self.frames, axis=2)
        return Patches(values.reshape(rows * columns, -1), (1, rows, columns))
