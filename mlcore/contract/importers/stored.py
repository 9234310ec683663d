"""A source's picture as it is stored: upright, 8-bit, resized, and the map of geometry into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlcore.contract.import_config import ImportConfig
from mlcore.contract.importers.source import Item
from mlcore.contract.pictures import FORMATS, Fault, Header, decode, read_header, read_image
from mlcore.contract.records import Kind
from mlcore.contract.transform import (
    MAX_ASPECT,
    Points,
    encode,
    scale_points,
    target_size,
    upright_points,
    upright_rgb,
)

ASPECT_TOLERANCE = 0.01
"""relative difference of aspects up to which a stated size is another scale of the same picture"""


@dataclass(frozen=True)
class Frame:
    """What geometry is given in: a size in pixels, and whether that is the upright picture."""

    size: tuple[int, int]
    upright: bool


@dataclass(frozen=True)
class Stored:
    """The picture in the dataset: its bytes, size in pixels and suffix.

    `place` moves a geometry from the frame (pixels of `frame.size`) into it. `changes` names what
    was done to the picture.
    """

    data: bytes
    size: tuple[int, int]
    suffix: str
    frame: Frame
    place: Callable[[Kind, Points], Points]
    changes: tuple[str, ...]


def store_picture(root: Path, item: Item, config: ImportConfig) -> Stored | Fault:
    """The picture's own bytes where they can stay, else turned, recoded, resized."""
    if item.image is None:
        return Fault("source.image", "has no picture")
    data = read_image(root, item.image)
    if isinstance(data, Fault):
        return data
    header = read_header(data)
    if isinstance(header, Fault):
        return header
    frame = frame_of(item.size, header, config)
    if isinstance(frame, Fault):
        return frame
    return _stored(data, header, frame, config)


def frame_of(stated: tuple[int, int] | None, header: Header, config: ImportConfig) -> Frame | Fault:
    """Whether geometry is drawn on the upright picture or on the stored one, and at which size.

    The stated size decides where width and height are swapped by the rotation; where it cannot
    tell, the config must.
    """
    stored, shown = (header.width, header.height), header.shown_size
    sizes = {"stored": [stored], "upright": [shown]}.get(config.exif_boxes, [shown, stored])
    if stated is not None:
        if 0 in stated:
            return Fault("source.size", "the annotation states no size")
        match = _same if config.stated_size == "must_match" else _same_aspect
        sizes = [size for size in sizes if match(stated, size)]
        if not sizes:
            true = " or ".join(sorted({f"{w} x {h}" for w, h in (stored, shown)}))
            message = f"the annotation says {stated[0]} x {stated[1]}, it is {true}"
            return Fault("image.size", message)
    if header.orientation == 1:
        return Frame(stated or shown, upright=True)
    if config.exif_boxes == "auto" and (stated is None or stored == shown or len(sizes) > 1):
        message = "geometry may be drawn before or after the rotation; set exif_boxes"
        return Fault("image.orientation", message)
    upright = config.exif_boxes == "upright" or sizes[0] == shown != stored
    return Frame(stated or sizes[0], upright=upright)


def _same(stated: tuple[int, int], size: tuple[int, int]) -> bool:
    return stated == size


def _same_aspect(stated: tuple[int, int], size: tuple[int, int]) -> bool:
    ratio = stated[0] / stated[1] / (size[0] / size[1])
    return abs(ratio - 1) <= ASPECT_TOLERANCE


def _stored(data: bytes, header: Header, frame: Frame, config: ImportConfig) -> Stored | Fault:
    image = decode(data)
    if isinstance(image, Fault):
        return image
    shown = header.shown_size
    if config.resize is not None and max(shown) > MAX_ASPECT * min(shown):
        return Fault("image.aspect", f"{shown[0]} x {shown[1]} is too long and thin to resize")
    size = target_size(*shown, config.resize)
    drawn_on = shown if frame.upright else (header.width, header.height)
    changes = {
        "turned_upright": header.orientation != 1,
        "to_8_bit": header.bits > 8,
        "palette_to_rgb": header.mode == "P",
        "mode_to_rgb": header.mode not in ("RGB", "L", "P") and header.bits <= 8,
        "resized": size != shown,
    }
    if any(changes.values()):
        picture = upright_rgb(image, header.orientation)
        if size != shown:
            picture = picture.resize(size)
        data = encode(picture, header.format)
    names = [name for name, true in changes.items() if true]
    if frame.size != drawn_on:
        names.append("annotations_rescaled")

    def place(kind: Kind, points: Points) -> Points:
        points = scale_points(points, frame.size, drawn_on)
        if not frame.upright:
            points = upright_points(kind, points, header.orientation, drawn_on)
        return scale_points(points, shown, size)

    return Stored(data, size, FORMATS[header.format], frame, place, tuple(names))
