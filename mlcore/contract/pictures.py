"""What an image file is, and what is wrong with it as part of a dataset.

A dataset's image is an upright 8-bit RGB or grey JPEG or PNG of the record's size, complete.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile

FORMATS = {"JPEG": ".jpg", "PNG": ".png"}
SIGNATURES = (b"\xff\xd8", b"\x89PNG")
JPEG_SCAN, JPEG_END = b"\xff\xda", b"\xff\xd9"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"
MODES = frozenset({"RGB", "L"})
ORIENTATION_TAG = 274
"""EXIF tag of the orientation; 1 is upright, 5 to 8 swap width and height"""
HEAD_BYTES = 64
"""enough for the signature of a file and the first chunk of a PNG"""
MAX_PIXELS = 100_000_000
"""a larger picture is refused before it is decoded"""


@dataclass(frozen=True)
class Fault:
    """A rule that a picture breaks, and how."""

    rule: str
    message: str


@dataclass(frozen=True)
class Header:
    """What a file says of itself. Sizes in pixels as stored, before any EXIF rotation."""

    format: str
    mode: str
    bits: int
    width: int
    height: int
    orientation: int

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height after the EXIF rotation."""
        swapped = self.orientation >= 5
        return (self.height, self.width) if swapped else (self.width, self.height)


def read_image(root: Path, path: str) -> bytes | Fault:
    """The bytes of an image that lies inside `root`, links followed."""
    fault = _place_fault(root, path)
    if fault is not None:
        return fault
    try:
        return (root / path).read_bytes()
    except OSError as error:
        return Fault("image.missing", f"{path} cannot be read: {error.strerror}")


def _place_fault(root: Path, path: str) -> Fault | None:
    full = root / path
    if not full.is_file():
        return Fault("image.missing", f"{path} does not exist")
    if not full.resolve().is_relative_to(_resolved(root)):
        return Fault("image.outside", f"{path} leads outside the dataset folder")
    return None


@lru_cache(maxsize=16)
def _resolved(root: Path) -> Path:
    return root.resolve()


def header_of(root: Path, path: str) -> Header | Fault:
    """The header of an image that lies inside `root`, links followed; reads no picture data."""
    full = root / path
    fault = _place_fault(root, path)
    if fault is not None:
        return fault
    try:
        with full.open("rb") as file:
            return read_header(file)
    except OSError as error:
        return Fault("image.missing", f"{path} cannot be read: {error.strerror}")


def read_header(source: bytes | BinaryIO) -> Header | Fault:
    """Format, mode, depth, size and orientation of bytes or of an open file at its start.

    Nothing is decoded; of a file only the header is read.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    start = file.read(HEAD_BYTES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(file, formats=list(FORMATS))
            orientation = _orientation(image, file)
            name, mode, size = str(image.format), image.mode, image.size
    except UnidentifiedImageError:
        if not start or start.startswith(SIGNATURES):
            return Fault("image.truncated", "is empty or ends within its header")
        return Fault("image.format", "is not a JPEG or PNG picture")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Fault("image.size", f"has more than {MAX_PIXELS} pixels")
    except (OSError, ValueError, SyntaxError, struct.error) as error:
        return Fault("image.truncated", f"its header is broken: {error}")
    if size[0] * size[1] > MAX_PIXELS:
        return Fault("image.size", f"has more than {MAX_PIXELS} pixels")
    if not 1 <= orientation <= 8:
        orientation = 1
    return Header(name, mode, _bits(start, mode), size[0], size[1], orientation)


def decode(data: bytes) -> Image.Image | Fault:
    """The whole picture; a fault when the file ends early or its data is broken."""
    try:
        image = Image.open(io.BytesIO(data), formats=list(FORMATS))
        image.load()
    except (OSError, ValueError, SyntaxError, struct.error) as error:
        return Fault("image.truncated", f"is incomplete or broken: {error}")
    if not _has_end(data):
        return Fault("image.truncated", "ends before its end marker")
    return image


def image_faults(data: bytes, width: int, height: int) -> list[Fault]:
    """Everything wrong with the picture of a record of this size, in pixels."""
    header = read_header(data)
    if isinstance(header, Fault):
        return [header]
    broken = content_fault(data)
    return header_faults(header, width, height) + ([broken] if broken else [])


def header_faults(
    header: Header, width: int, height: int, max_pixels: int | None = None
) -> list[Fault]:
    """What is wrong with a picture of a record of this size, in pixels, as its header tells."""
    faults = storage_faults(header)
    stored = f"is {header.width} x {header.height}"
    if (header.width, header.height) != (width, height):
        faults.append(Fault("image.size", f"{stored}, the record says {width} x {height}"))
    if max_pixels is not None and header.width * header.height > max_pixels:
        faults.append(Fault("image.pixels", f"{stored}, more than {max_pixels:,} pixels"))
    return faults


def content_fault(data: bytes) -> Fault | None:
    """What is wrong with the data behind a good header.

    All of it is read; the pixels of a JPEG are made at an eighth of its size, which is quicker.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=list(FORMATS))
        image.draft("L", (1, 1))
        image.load()
    except (OSError, ValueError, SyntaxError, struct.error) as error:
        return Fault("image.truncated", f"is incomplete or broken: {error}")
    if not _has_end(data):
        return Fault("image.truncated", "ends before its end marker")
    return None


def storage_faults(header: Header) -> list[Fault]:
    """Rotation, depth, palette and mode, as far as a header tells."""
    faults = []
    if header.orientation != 1:
        message = f"has EXIF orientation {header.orientation}; store it upright"
        faults.append(Fault("image.orientation", message))
    if header.mode == "P":
        faults.append(Fault("image.palette", "has a palette; store it as RGB"))
    elif header.bits > 8:
        faults.append(Fault("image.depth", f"has {header.bits} bits per channel; store 8"))
    elif header.mode not in MODES:
        faults.append(Fault("image.mode", f"has mode {header.mode}; store RGB or grey"))
    return faults


def _orientation(image: Image.Image, file: BinaryIO) -> int:
    """The EXIF orientation; Pillow would decode a whole PNG to look for an EXIF chunk at its end,
    so that is done only where there is one."""
    if not isinstance(image, PngImageFile) or "exif" in image.info or _has_late_exif(file):
        exif = image.getexif()
    else:
        exif = Image.Image.getexif(image)
    return int(exif.get(ORIENTATION_TAG, 1))


def _has_late_exif(file: BinaryIO) -> bool:
    """Whether a PNG has an eXIf chunk, going from chunk to chunk by their lengths."""
    file.seek(len(PNG_SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"eXIf":
            return True
        file.seek(length + 4, io.SEEK_CUR)
    return False


def _has_end(data: bytes) -> bool:
    """Decoders forgive a missing end; a file cut by a few bytes is found here."""
    if data.startswith(b"\x89PNG"):
        return PNG_END in data
    return data.rfind(JPEG_END) > data.rfind(JPEG_SCAN)


def _bits(data: bytes, mode: str) -> int:
    """Bits per channel. A PNG says so in its first chunk: Pillow hides 16-bit RGB."""
    if data[:8] == PNG_SIGNATURE and data[12:16] == b"IHDR" and mode != "P":
        return data[24]
    return 16 if mode.startswith("I") else 8
