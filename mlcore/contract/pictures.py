"""What an image file is, and what is wrong with it as part of a dataset.

A dataset's image is an upright 8-bit RGB or grey JPEG or PNG of the record's size, complete.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

FORMATS = {"JPEG": ".jpg", "PNG": ".png"}
SIGNATURES = (b"\xff\xd8", b"\x89PNG")
JPEG_SCAN, JPEG_END = b"\xff\xda", b"\xff\xd9"
PNG_END = b"IEND\xaeB`\x82"
MODES = frozenset({"RGB", "L"})
ORIENTATION_TAG = 274
"""EXIF tag of the orientation; 1 is upright, 5 to 8 swap width and height"""
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
    full = root / path
    if not full.is_file():
        return Fault("image.missing", f"{path} does not exist")
    if not full.resolve().is_relative_to(root.resolve()):
        return Fault("image.outside", f"{path} leads outside the dataset folder")
    try:
        return full.read_bytes()
    except OSError as error:
        return Fault("image.missing", f"{path} cannot be read: {error.strerror}")


def read_header(data: bytes) -> Header | Fault:
    """Format, mode, depth, size and orientation, without decoding the picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=list(FORMATS)) as image:
                orientation = int(image.getexif().get(ORIENTATION_TAG, 1))
                name, mode, size = str(image.format), image.mode, image.size
    except UnidentifiedImageError:
        if not data or data.startswith(SIGNATURES):
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
    return Header(name, mode, _bits(data, mode), size[0], size[1], orientation)


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
    faults = storage_faults(header)
    if (header.width, header.height) != (width, height):
        message = f"is {header.width} x {header.height}, the record says {width} x {height}"
        faults.append(Fault("image.size", message))
    decoded = decode(data)
    if isinstance(decoded, Fault):
        faults.append(decoded)
    return faults


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


def _has_end(data: bytes) -> bool:
    """Decoders forgive a missing end; a file cut by a few bytes is found here."""
    if data.startswith(b"\x89PNG"):
        return PNG_END in data
    return data.rfind(JPEG_END) > data.rfind(JPEG_SCAN)


def _bits(data: bytes, mode: str) -> int:
    """Bits per channel. A PNG says so in its first chunk: Pillow hides 16-bit RGB."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and mode != "P":
        return data[24]
    return 16 if mode.startswith("I") else 8
