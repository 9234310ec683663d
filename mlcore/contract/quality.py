"""The quality report of a dataset: what is in it, what was rejected, and what occurs twice."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcore.contract.desc import CLASS_KEY, FREE_TEXT_KEYS, attributes_of, class_of, is_negative
from mlcore.contract.image_list import IMAGE_LIST, ImageEntry, image_entry, read_image_list
from mlcore.contract.neighbours import MAX_DISTANCE, METHOD, near_duplicates
from mlcore.contract.reader import open_dataset, read_records
from mlcore.contract.records import Record
from mlcore.errors import DataError

SCHEMA = "dataset_report/2"
AREA_EDGES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""upper edges of the size histogram: share of the image that an object's bounding box covers"""
MOST_VALUES = 50
MOST_DESCRIPTIONS = 200
MOST_SIZES = 50
MOST_GROUPS = 500
MOST_MEMBERS = 100


@dataclass(frozen=True)
class ImageFacts:
    """What tells a stored picture from others: SHA-256 of its bytes, difference hash."""

    sha256: str
    dhash: int


@dataclass(frozen=True)
class _Seen:
    split: str
    id: str
    path: str
    ticket: str


class QualityReport:
    """Counts over records and rejects, added one by one."""

    def __init__(self) -> None:
        self.objects = 0
        self.rejects: Counter[str] = Counter()
        self._images: list[_Seen] = []
        self._split_objects: Counter[str] = Counter()
        self._classes: Counter[str] = Counter()
        self._class_images: Counter[str] = Counter()
        self._negative: Counter[str] = Counter()
        self._negative_images = 0
        self._values: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._descs: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._per_image: Counter[int] = Counter()
        self._areas: Counter[float] = Counter()
        self._image_sizes: Counter[str] = Counter()

    def add(self, split: str, record: Record) -> None:
        """Count a record. Only its first image counts; records have one in practice."""
        ticket = str(record.metadata.get("ticket", ""))
        self._images.append(_Seen(split, record.id, record.images[0], ticket))
        self._split_objects[split] += len(record.objects)
        self._per_image[len(record.objects)] += 1
        self._image_sizes[f"{record.width}x{record.height}"] += 1
        self._class_images.update({class_of(o.desc) for o in record.objects})
        self._negative_images += any(is_negative(o.desc) for o in record.objects)
        self.objects += len(record.objects)
        for o in record.objects:
            self._object(o.desc)
            self._kinds[o.kind] += 1
            self._areas[_area_edge(record, o.points)] += 1

    def _object(self, desc: str) -> None:
        name = class_of(desc)
        self._classes[name] += 1
        self._negative[name] += is_negative(desc)
        attributes = attributes_of(desc)
        if not FREE_TEXT_KEYS.intersection(attributes):
            self._descs[desc] += 1
        for key, value in attributes.items():
            if key != CLASS_KEY and key not in FREE_TEXT_KEYS:
                self._values[name, key].update(value.split("|"))

    def reject(self, rule: str) -> None:
        self.rejects[rule] += 1

    def image_paths(self) -> list[str]:
        """The pictures that were added, relative to the dataset folder."""
        return [seen.path for seen in self._images]

    def to_json(self, facts: Mapping[str, ImageFacts]) -> dict[str, Any]:
        """The whole report. `facts` knows every added picture by its path.

        A histogram is a list of {upper edge or value, count}. Shares of an attribute's values are
        of the objects of the class; a value of several parts counts for each.
        """
        images = len(self._images)
        per_split = Counter(seen.split for seen in self._images)
        return {
            "schema": SCHEMA,
            "images": images,
            "objects": self.objects,
            "splits": {
                name: {"images": n, "objects": self._split_objects[name]}
                for name, n in sorted(per_split.items())
            },
            "classes": [
                {
                    "name": name,
                    "objects": n,
                    "images": self._class_images[name],
                    "share_of_objects": n / self.objects,
                    "share_of_images": self._class_images[name] / images,
                }
                for name, n in _most(self._classes)
            ],
            "attributes": self._attributes(),
            "negatives": self._negatives(),
            "descriptions": [
                {"desc": d, "objects": n} for d, n in _most(self._descs, MOST_DESCRIPTIONS)
            ],
            "geometries": dict(sorted(self._kinds.items())),
            "objects_per_image": [
                {"objects": k, "images": n} for k, n in sorted(self._per_image.items())
            ],
            "object_area_share": [{"up_to": e, "objects": self._areas[e]} for e in AREA_EDGES],
            "image_sizes": [
                {"size": s, "images": n} for s, n in _most(self._image_sizes, MOST_SIZES)
            ],
            "rejects": {
                "total": sum(self.rejects.values()),
                "by_rule": dict(sorted(self.rejects.items())),
            },
            "leakage": self._leakage(facts),
            "near_duplicates": self._near_duplicates(facts),
        }

    def _attributes(self) -> list[dict[str, Any]]:
        return [
            {
                "class": name,
                "key": key,
                "values": [
                    {"value": value, "objects": n, "share": n / self._classes[name]}
                    for value, n in _most(values, MOST_VALUES)
                ],
            }
            for (name, key), values in sorted(self._values.items())
        ]

    def _negatives(self) -> dict[str, Any]:
        return {
            "objects": sum(self._negative.values()),
            "images": self._negative_images,
            "by_class": [
                {"class": name, "objects": n, "negative": bad, "share": bad / n}
                for name, n in _most(self._classes)
                if (bad := self._negative[name]) or len(self._keys(name))
            ],
        }

    def _keys(self, name: str) -> list[str]:
        return [key for known, key in self._values if known == name]

    def _leakage(self, facts: Mapping[str, ImageFacts]) -> dict[str, Any]:
        equal: dict[str, list[_Seen]] = defaultdict(list)
        tickets: dict[str, set[str]] = defaultdict(set)
        for seen in self._images:
            equal[facts[seen.path].sha256].append(seen)
            if seen.ticket:
                tickets[seen.ticket].add(seen.split)
        return {
            "images": [
                {"sha256": digest, "images": [_place(seen) for seen in found]}
                for digest, found in sorted(equal.items())
                if len({seen.split for seen in found}) > 1
            ],
            "tickets": [
                {"ticket": ticket, "splits": sorted(splits)}
                for ticket, splits in sorted(tickets.items())
                if len(splits) > 1
            ],
        }

    def _near_duplicates(self, facts: Mapping[str, ImageFacts]) -> dict[str, Any]:
        """Groups across splits come first, then larger ones; what is cut off is counted."""
        found = near_duplicates([facts[seen.path].dhash for seen in self._images], MAX_DISTANCE)
        groups: list[dict[str, Any]] = []
        for group in found:
            members = [self._images[place] for place in group.members]
            rows = [
                {**_place(seen), "distance": bits}
                for seen, bits in zip(members, group.distances, strict=True)
            ]
            across = len({seen.split for seen in members}) > 1
            groups.append({"across_splits": across, "size": len(rows), "images": rows})
        groups.sort(key=lambda g: (not g["across_splits"], -g["size"]))
        return {
            "method": METHOD,
            "max_distance": MAX_DISTANCE,
            "total_groups": len(groups),
            "total_images": sum(group["size"] for group in groups),
            "groups": [
                {**group, "images": group["images"][:MOST_MEMBERS]}
                for group in groups[:MOST_GROUPS]
            ],
        }


def report_of(folder: Path) -> dict[str, Any]:
    """The report of a dataset folder, counted anew from its files.

    Rejects are those of rejects.jsonl; what only the import knew (the key `import` of an older
    report.json) is kept. Raises DataError when it is no dataset or a line or picture is bad.
    """
    dataset = open_dataset(folder)
    report = QualityReport()
    for split in dataset.splits:
        for record in read_records(dataset.split_file(split)):
            report.add(split, record)
    for row in _rows(folder / "rejects.jsonl"):
        report.reject(str(row.get("rule", "")))
    made = report.to_json(image_facts(folder, report.image_paths()))
    old = _old_report(folder / "report.json")
    return {**made, "import": old["import"]} if "import" in old else made


def image_facts(folder: Path, paths: Sequence[str]) -> dict[str, ImageFacts]:
    """Hashes of the pictures at these paths, from images.jsonl where it has them, else counted.

    Raises DataError when a picture is missing or cannot be decoded.
    """
    known: dict[str, ImageFacts] = {}
    if (folder / IMAGE_LIST).is_file():
        known = {entry.path: _as_facts(entry) for entry in read_image_list(folder)}
    return {path: known.get(path) or _counted(folder, path) for path in paths}


def _counted(folder: Path, path: str) -> ImageFacts:
    try:
        data = (folder / path).read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot read {path}: {error.strerror}", where=str(folder / path)
        ) from error
    return _as_facts(image_entry(path, data))


def _as_facts(entry: ImageEntry) -> ImageFacts:
    return ImageFacts(entry.sha256, int(entry.dhash, 16))


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line]
    except ValueError as error:
        raise DataError(f"{path.name} is not JSON lines: {error}", where=str(path)) from error


def _old_report(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _most(counts: Counter[str], limit: int | None = None) -> list[tuple[str, int]]:
    """Most first, equal counts by name, so that the order of records does not matter."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]


def _place(seen: _Seen) -> dict[str, str]:
    return {"split": seen.split, "id": seen.id, "path": seen.path}


def _area_edge(record: Record, points: tuple[float, ...]) -> float:
    xs, ys = points[0::2], points[1::2]
    share = (max(xs) - min(xs)) * (max(ys) - min(ys)) / (record.width * record.height)
    return next((edge for edge in AREA_EDGES if share <= edge), AREA_EDGES[-1])
