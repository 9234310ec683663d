"""COCO and LVIS: boxes, polygons as segmentation; lines have no place there."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from mlcore.contract.exporters.target import Held, Labels, label_of, plain, write_json_file
from mlcore.contract.importers.lvis import KEYS
from mlcore.contract.records import Record, SceneObject
from mlcore.geometry.measure import bounds, extent


class CocoTarget:
    """annotations/instances_SPLIT.json and images/. Attributes stand as `attributes`."""

    prefix = "instances"

    def __init__(self, out: Path, labels: Labels, held: Held) -> None:
        self.out = out
        self.labels = labels
        self.held = held
        self._images: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._objects: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def picture(self, split: str, name: str) -> str:
        return f"images/{name}"

    def add(self, split: str, name: str, record: Record) -> None:
        number = len(self._images[split]) + 1
        image = {"id": number, "file_name": name, "width": record.width, "height": record.height}
        self._images[split].append({**image, **self.of_image(record)})
        for item in record.objects:
            if item.kind == "line":
                self.held.left_out["line"] += 1
            else:
                self.held.objects += 1
                self._objects[split].append(self._object(split, number, item))

    def of_image(self, record: Record) -> dict[str, Any]:
        """What else is said of a picture."""
        return {}

    def finish(self) -> None:
        categories = [{"id": i, "name": n} for i, n in enumerate(self.labels.names, start=1)]
        for split, images in self._images.items():
            content = {
                "images": images,
                "annotations": self._objects[split],
                "categories": categories,
            }
            write_json_file(self.out / "annotations" / f"{self.prefix}_{split}.json", content)

    def _object(self, split: str, image: int, item: SceneObject) -> dict[str, Any]:
        label, attributes = label_of(item)
        x0, y0, x1, y1 = bounds(item.points)
        ring = [plain(v) for v in item.points] if item.kind == "poly" else []
        out: dict[str, Any] = {
            "id": len(self._objects[split]) + 1,
            "image_id": image,
            "category_id": self.labels.place(label) + 1,
            "bbox": [plain(v) for v in (x0, y0, round(x1 - x0, 6), round(y1 - y0, 6))],
            "area": plain(round(extent(item.kind, item.points), 6)),
            "segmentation": [ring] if ring else [],
            "iscrowd": 0,
        }
        return {**out, "attributes": attributes} if attributes else out


class LvisTarget(CocoTarget):
    """The same with LVIS's names, and the classes known to be absent or partial."""

    prefix = "lvis"

    def of_image(self, record: Record) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, field in KEYS.items():
            names = record.metadata.get(key, [])
            known = [n for n in names if n in self.labels.names]
            out[field] = [self.labels.place(name) + 1 for name in known]
        return out
