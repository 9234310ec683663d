"""Truth and prediction drawn side by side, with a legend, and the words beside it as JSON.

A label is the number of the class. After it: `!` an object without a partner (missed on the left,
invented on the right), `~` a found object with a wrong description, `=` a duplicate, `x` a wrong
class, `?` a right class out of place. The drawn text is ASCII, because a host may have no other
font; the JSON holds the full words.
"""
from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from mlcore.contract.records import Record
from mlcore.evaluate.diff import Marks
from mlcore.evaluate.match import ImageMatch, Thing
from mlcore.geometry.spaces import LAST_BIN
from mlcore.run.folder import write_json

PANEL = 768
"""width of one panel in pixels: an image of 192 is drawn at 4x"""
GAP, BAR, MARGIN = 16, 36, 12
TEXT = 22
PAPER, INK = (250, 250, 250), (20, 20, 20)
Colour = tuple[int, int, int]
Point = tuple[float, float]


def class_colours(names: Sequence[str]) -> dict[str, Colour]:
    """A colour for each class: hues a golden-ratio turn apart, so near numbers look different."""
    out = {}
    for index, name in enumerate(names):
        red, green, blue = colorsys.hsv_to_rgb((0.02 + index * 0.618034) % 1.0, 0.85, 0.95)
        out[name] = (round(red * 255), round(green * 255), round(blue * 255))
    return out


def overlay_stem(record_id: str) -> str:
    """A file name that any id can have."""
    return hashlib.sha256(record_id.encode()).hexdigest()[:16]


def draw_overlay(
    record: Record,
    match: ImageMatch,
    picture: Path,
    folder: Path,
    names: Sequence[str],
    marks: Marks,
) -> Path:
    """Write `<stem>.png` and `<stem>.json` into `folder`; returns the path of the picture.

    `names` are the classes of the whole evaluation, so that numbers and colours stay the same
    from image to image. Raises OSError where the picture cannot be read.
    """
    colours = class_colours(names)
    with Image.open(picture) as opened:
        image = opened.convert("RGB")
    scale = PANEL / image.width
    size = (PANEL, round(image.height * scale))
    rows = _legend_rows(names)
    sheet = Image.new("RGB", (2 * PANEL + 3 * GAP, size[1] + 2 * BAR + rows * BAR + GAP), PAPER)
    panel = image.resize(size, Image.Resampling.NEAREST if scale >= 2 else Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(sheet)
    numbers = {name: index for index, name in enumerate(names)}
    for side, title in enumerate(("truth", "prediction")):
        left = GAP + side * (PANEL + GAP)
        sheet.paste(panel, (left, BAR))
        things = match.reading.things if side else match.truths
        pen.text((left, 6), _title(title, match, len(things)), INK, font=_font())
        for thing, mark in zip(things, _signs(match, marks, side), strict=True):
            label = f"{numbers[thing.name]}{mark}"
            _draw_thing(pen, thing, size, (left, BAR), scale, colours[thing.name], label)
    _legend(pen, names, colours, size[1] + BAR + MARGIN)
    stem = overlay_stem(record.id)
    path = folder / f"{stem}.png"
    sheet.save(path)
    write_json(folder / f"{stem}.json", _words(record, match, names, colours, marks))
    return path


def _font() -> Any:
    return ImageFont.load_default(TEXT)


def _title(title: str, match: ImageMatch, count: int) -> str:
    if title == "truth":
        return f"truth: {count} objects, {match.fn} missed"
    if match.reading.fault:
        return f"prediction: unreadable ({match.reading.fault.rule})"
    return f"prediction: {count} objects, {match.fp} without a partner"


SIGNS_SAY = "! no partner   ~ wrong description   = duplicate   x wrong class   ? misplaced"
_SIGNS = {"duplicate": "=", "wrong_class": "x", "misplaced": "?"}


def _signs(match: ImageMatch, marks: Marks, side: int) -> list[str]:
    """The sign after each label of one side; nothing for what is wholly right."""
    signs = [_SIGNS.get(mark, "!") for mark in (marks.prediction if side else marks.truth)]
    for pair in match.pairs:
        same = match.truths[pair.truth].desc == match.reading.things[pair.prediction].desc
        signs[pair.prediction if side else pair.truth] = "" if same else "~"
    return signs


def _draw_thing(
    pen: ImageDraw.ImageDraw,
    thing: Thing,
    size: tuple[int, int],
    origin: tuple[int, int],
    scale: float,
    colour: Colour,
    label: str,
) -> None:
    """One outline in its colour on a dark edge, so that it shows on any ground.

    Coordinates mean centres of pixels: 0 is the middle of the first one, `scale` pixels wide here.
    """
    points = [
        (origin[0] + x / LAST_BIN * (size[0] - scale) + scale / 2,
         origin[1] + y / LAST_BIN * (size[1] - scale) + scale / 2)
        for x, y in zip(thing.points[0::2], thing.points[1::2], strict=True)
    ]
    if thing.kind == "bbox_2d":
        (left, top), (right, bottom) = points
        points = [(left, top), (right, top), (right, bottom), (left, bottom)]
    path = points if thing.kind == "line" else [*points, points[0]]
    pen.line(path, fill=(0, 0, 0), width=5, joint="curve")
    pen.line(path, fill=colour, width=3, joint="curve")
    _tag(pen, points[0], label, colour)


def _tag(pen: ImageDraw.ImageDraw, at: Point, label: str, colour: Colour) -> None:
    box = pen.textbbox(at, label, font=_font())
    pen.rectangle((box[0] - 3, box[1] - 2, box[2] + 3, box[3] + 2), fill=colour, outline=INK)
    pen.text(at, label, PAPER if _luminance(colour) < 0.45 else INK, font=_font())


def _luminance(colour: Colour) -> float:
    """Brightness 0..1 by the weights of ITU-R BT.709."""
    return (0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]) / 255


_PER_ROW = 4


def _legend_rows(names: Sequence[str]) -> int:
    return max(1, -(-len(names) // _PER_ROW))


def _legend(
    pen: ImageDraw.ImageDraw, names: Sequence[str], colours: dict[str, Colour], top: int
) -> None:
    column = (2 * PANEL + GAP) // _PER_ROW
    for index, name in enumerate(names):
        x, y = GAP + index % _PER_ROW * column, top + index // _PER_ROW * BAR
        pen.rectangle((x, y, x + 24, y + 24), fill=colours[name], outline=INK)
        shown = f"{index} {name[:24]}" if name.isascii() else f"class {index}"
        pen.text((x + 32, y), shown, INK, font=_font())
    y = top + _legend_rows(names) * BAR
    pen.text((GAP, y), SIGNS_SAY, INK, font=_font())


def _words(
    record: Record,
    match: ImageMatch,
    names: Sequence[str],
    colours: dict[str, Colour],
    marks: Marks,
) -> dict[str, Any]:
    return {
        "id": record.id,
        "legend": [
            {"index": i, "class": name, "colour": "#{:02x}{:02x}{:02x}".format(*colours[name])}
            for i, name in enumerate(names)
        ],
        "truth": [thing_to_json(thing, record) for thing in match.truths],
        "prediction": [thing_to_json(thing, record) for thing in match.reading.things],
        "marks": marks._asdict(),
        "pairs": [
            {"truth": p.truth, "prediction": p.prediction, "iou": p.iou} for p in match.pairs
        ],
    }


def thing_to_json(thing: Thing, record: Record) -> dict[str, Any]:
    """`{"desc": ..., kind: [pixels]}` with coordinates to a hundredth of a pixel."""
    sides = (record.width - 1, record.height - 1)
    pixels = [round(v * sides[i % 2] / LAST_BIN, 2) for i, v in enumerate(thing.points)]
    return {"desc": thing.desc, thing.kind: pixels}
