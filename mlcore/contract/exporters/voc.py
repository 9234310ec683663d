"""Pascal VOC: boxes only; a polygon becomes the box around it, a line is left out."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from xml.sax.saxutils import escape

from mlcore.contract.exporters.target import Held, Labels, plain, write_lines
from mlcore.contract.importers.voc import CORNERS, FLAGS
from mlcore.contract.records import Record, SceneObject
from mlcore.geometry.measure import bounds


class VocTarget:
    """Annotations/, JPEGImages/ and ImageSets/Main/. The whole description is the name."""

    def __init__(self, out: Path, labels: Labels, held: Held) -> None:
        self.out = out
        self.held = held
        self._lists: dict[str, list[str]] = defaultdict(list)

    def picture(self, split: str, name: str) -> str:
        return f"JPEGImages/{name}"

    def add(self, split: str, name: str, record: Record) -> None:
        stem = Path(name).stem
        self._lists[split].append(stem)
        size = f"<width>{record.width}</width><height>{record.height}</height><depth>3</depth>"
        lines = ["<annotation>", f"  <filename>{escape(name)}</filename>", f"  <size>{size}</size>"]
        for place, item in enumerate(record.objects):
            if item.kind == "line":
                self.held.left_out["line"] += 1
                continue
            if item.kind == "poly":
                self.held.changed["polygon_to_box"] += 1
            self.held.objects += 1
            flags = {flag: place in record.metadata.get(flag, []) for flag in FLAGS}
            lines += _object(item, flags)
        write_lines(self.out / "Annotations" / f"{stem}.xml", [*lines, "</annotation>"])

    def finish(self) -> None:
        for split, stems in self._lists.items():
            write_lines(self.out / "ImageSets" / "Main" / f"{split}.txt", stems)


def _object(item: SceneObject, flags: dict[str, bool]) -> list[str]:
    corners = zip(CORNERS, bounds(item.points), strict=True)
    box = "".join(f"<{key}>{plain(value)}</{key}>" for key, value in corners)
    said = "".join(f"<{flag}>{int(true)}</{flag}>" for flag, true in flags.items())
    return [
        "  <object>",
        f"    <name>{escape(item.desc)}</name>{said}",
        f"    <bndbox>{box}</bndbox>",
        "  </object>",
    ]
