"""Label Studio's JSON: rectangles, polygons and open vectors; it has no splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlcore.contract.exporters.target import Held, Labels, label_of, write_json_file
from mlcore.contract.records import Record, SceneObject

DIGITS = 8


class LabelStudioTarget:
    """tasks.json and images/. The split is kept as `split` of a task's data, for people."""

    def __init__(self, out: Path, labels: Labels, held: Held) -> None:
        self.out = out
        self.held = held
        self._tasks: list[dict[str, Any]] = []

    def picture(self, split: str, name: str) -> str:
        return f"images/{name}"

    def add(self, split: str, name: str, record: Record) -> None:
        rows = [
            row
            for place, item in enumerate(record.objects)
            for row in _results(item, f"r{place}", record.width, record.height)
        ]
        self.held.objects += len(record.objects)
        data = {"image": self.picture(split, name), "split": split}
        annotation = {"id": len(self._tasks) + 1, "result": rows, "was_cancelled": False}
        self._tasks.append({"id": len(self._tasks) + 1, "data": data, "annotations": [annotation]})

    def finish(self) -> None:
        write_json_file(self.out / "tasks.json", self._tasks)


def _results(item: SceneObject, key: str, width: int, height: int) -> list[dict[str, Any]]:
    label, attributes = label_of(item)
    flat = [round(v / (width, height)[i % 2] * 100, DIGITS) for i, v in enumerate(item.points)]
    pairs = [list(pair) for pair in zip(flat[0::2], flat[1::2], strict=True)]
    if item.kind == "bbox_2d":
        x0, y0, x1, y1 = flat
        across, down = round(x1 - x0, DIGITS), round(y1 - y0, DIGITS)
        name = "rectanglelabels"
        value: dict[str, Any] = {"x": x0, "y": y0, "width": across, "height": down, "rotation": 0}
    elif item.kind == "poly":
        name, value = "polygonlabels", {"points": pairs, "closed": True}
    else:
        name = "vectorlabels"
        value = {"vertices": [{"x": x, "y": y} for x, y in pairs], "closed": False}
    frame = {"original_width": width, "original_height": height, "image_rotation": 0}
    shape = {"id": key, "type": name, "from_name": "label", "to_name": "image", **frame}
    rows = [{**shape, "value": {**value, name: [label]}}]
    for attribute, text in attributes.items():
        row = {"id": key, "type": "textarea", "from_name": attribute, "to_name": "image", **frame}
        rows.append({**row, "value": {"text": [text]}})
    return rows
