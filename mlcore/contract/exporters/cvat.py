"""CVAT for images, XML 1.1: boxes, polygons and polylines with their attributes."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from mlcore.contract.exporters.target import Held, Labels, label_of, plain, write_lines
from mlcore.contract.importers.cvat import CORNERS
from mlcore.contract.records import Record, SceneObject

TAGS = {"poly": "polygon", "line": "polyline"}


class CvatTarget:
    """annotations.xml and images/. The split is the `subset` of a picture."""

    def __init__(self, out: Path, labels: Labels, held: Held) -> None:
        self.out = out
        self.held = held
        self._lines = [
            "<annotations>",
            "<version>1.1</version>",
            "<meta><task><labels>",
            *(f"<label><name>{escape(name)}</name></label>" for name in labels.names),
            "</labels></task></meta>",
        ]
        self._count = 0

    def picture(self, split: str, name: str) -> str:
        return f"images/{name}"

    def add(self, split: str, name: str, record: Record) -> None:
        size = f'width="{record.width}" height="{record.height}"'
        head = f'<image id="{self._count}" name={quoteattr(name)} subset={quoteattr(split)} {size}>'
        self._count += 1
        occluded = record.metadata.get("occluded", [])
        shapes = [_shape(o, occluded=place in occluded) for place, o in enumerate(record.objects)]
        self.held.objects += len(shapes)
        tags = [f"<tag label={quoteattr(str(t))}/>" for t in record.metadata.get("tags", [])]
        self._lines += [head, *shapes, *tags, "</image>"]

    def finish(self) -> None:
        write_lines(self.out / "annotations.xml", [*self._lines, "</annotations>"])


def _shape(item: SceneObject, *, occluded: bool) -> str:
    label, attributes = label_of(item)
    numbers = [plain(v) for v in item.points]
    if item.kind == "bbox_2d":
        where = " ".join(f'{k}="{v}"' for k, v in zip(CORNERS, numbers, strict=True))
    else:
        pairs = zip(numbers[0::2], numbers[1::2], strict=True)
        where = 'points="' + ";".join(f"{x},{y}" for x, y in pairs) + '"'
    tag = TAGS.get(item.kind, "box")
    inner = "".join(
        f"<attribute name={quoteattr(key)}>{escape(value)}</attribute>"
        for key, value in attributes.items()
    )
    head = f'<{tag} label={quoteattr(label)} occluded="{int(occluded)}" {where}'
    return f"{head}>{inner}</{tag}>"
