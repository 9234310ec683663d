"""The quality report of a dataset: what is in it, and what was rejected and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mlcore.contract.desc import FREE_TEXT_KEYS, class_of, is_negative
from mlcore.contract.records import Record

SCHEMA = "dataset_report/1"
AREA_EDGES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""upper edges of the size histogram: share of the image that an object's bounding box covers"""


class QualityReport:
    """Counts over records and rejects, added one by one."""

    def __init__(self) -> None:
        self.objects = 0
        self._splits: Counter[str] = Counter()
        self._classes: Counter[str] = Counter()
        self._class_images: Counter[str] = Counter()
        self._descs: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._negative_images = 0
        self._negative_objects = 0
        self._per_image: Counter[int] = Counter()
        self._areas: Counter[float] = Counter()
        self._image_sizes: Counter[str] = Counter()
        self.rejects: Counter[str] = Counter()

    def add(self, split: str, record: Record) -> None:
        self._splits[split] += 1
        self._per_image[len(record.objects)] += 1
        self._image_sizes[f"{record.width}x{record.height}"] += 1
        self._class_images.update({class_of(o.desc) for o in record.objects})
        negative = sum(is_negative(o.desc) for o in record.objects)
        self._negative_objects += negative
        self._negative_images += negative > 0
        for o in record.objects:
            self.objects += 1
            self._classes[class_of(o.desc)] += 1
            if not any(f"{key}=" in o.desc for key in FREE_TEXT_KEYS):
                self._descs[o.desc] += 1
            self._kinds[o.kind] += 1
            self._areas[_area_edge(record, o.points)] += 1

    def reject(self, rule: str) -> None:
        self.rejects[rule] += 1

    def to_json(self) -> dict[str, Any]:
        """Counts and histograms. A histogram is a list of {upper edge or value, count}."""
        images = sum(self._splits.values())
        return {
            "schema": SCHEMA,
            "images": images,
            "objects": self.objects,
            "splits": dict(sorted(self._splits.items())),
            "classes": [
                {
                    "name": name,
                    "objects": n,
                    "images": self._class_images[name],
                    "share_of_objects": n / self.objects,
                    "share_of_images": self._class_images[name] / images,
                }
                for name, n in self._classes.most_common()
            ],
            "descriptions": [{"desc": d, "objects": n} for d, n in self._descs.most_common(200)],
            "geometries": dict(sorted(self._kinds.items())),
            "negatives": {"objects": self._negative_objects, "images": self._negative_images},
            "objects_per_image": [
                {"objects": k, "images": n} for k, n in sorted(self._per_image.items())
            ],
            "object_area_share": [{"up_to": e, "objects": self._areas[e]} for e in AREA_EDGES],
            "image_sizes": [{"size": s, "images": n} for s, n in self._image_sizes.most_common(50)],
            "rejects": {
                "total": sum(self.rejects.values()),
                "by_rule": dict(sorted(self.rejects.items())),
            },
        }


def _area_edge(record: Record, points: tuple[float, ...]) -> float:
    xs, ys = points[0::2], points[1::2]
    share = (max(xs) - min(xs)) * (max(ys) - min(ys)) / (record.width * record.height)
    return next((edge for edge in AREA_EDGES if share <= edge), AREA_EDGES[-1])
