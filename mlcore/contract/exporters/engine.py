"""One export for every format: pictures copied byte for byte, objects written, losses said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mlcore.contract.desc import class_of
from mlcore.contract.export_config import DataExportConfig
from mlcore.contract.exporters.coco import CocoTarget, LvisTarget
from mlcore.contract.exporters.cvat import CvatTarget
from mlcore.contract.exporters.label_studio import LabelStudioTarget
from mlcore.contract.exporters.target import Held, Labels, Target, label_of
from mlcore.contract.exporters.voc import VocTarget
from mlcore.contract.exporters.yolo import YoloTarget
from mlcore.contract.importers.source import SPLIT_NAMES
from mlcore.contract.pictures import Fault, read_image
from mlcore.contract.reader import Dataset, read_records
from mlcore.contract.records import Record
from mlcore.contract.spaces import in_pixels
from mlcore.errors import DataError
from mlcore.run.folder import write_json

Progress = Callable[[int, int], None]
"""called with pictures done and pictures in all; may raise to stop"""
TARGETS: dict[str, Callable[[Path, Labels, Held], Target]] = {
    "voc": VocTarget,
    "coco": CocoTarget,
    "lvis": LvisTarget,
    "label_studio": LabelStudioTarget,
    "cvat": CvatTarget,
    "yolo": YoloTarget,
}
WHOLE_DESC = ("voc", "yolo")
"""formats without attributes: the whole description is the label"""
NOT_HELD = {
    "label_studio": ["splits", "order of classes", "summaries", "metadata"],
    "cvat": ["summaries", "metadata other than occluded and tags"],
    "lvis": ["summaries", "metadata other than negative and not exhaustive classes"],
    "voc": ["order of classes", "summaries", "metadata other than truncated and difficult"],
}
REPORT = "meta/export_report.json"


def export_dataset(
    dataset: Dataset, out: Path, config: DataExportConfig, progress: Progress | None = None
) -> dict[str, Any]:
    """Write the dataset into `out`; returns what meta/export_report.json says.

    Same dataset, same bytes. Raises DataError for a split that the dataset has not or whose name
    the formats do not know, for a bad line, and for two records with one file name.
    """
    splits = config.splits or dataset.splits
    unknown = [split for split in splits if split.removeprefix("tiny_") not in SPLIT_NAMES]
    if unknown:
        raise DataError(
            f"the formats know the splits {', '.join(SPLIT_NAMES)}, not {unknown[0]}",
            hint="Name the splits to write.",
        )
    held = Held()
    labels = _labels(dataset, splits, whole=config.format in WHOLE_DESC)
    target = TARGETS[config.format](out, labels, held)
    total = sum(1 for split in splits for _ in _records(dataset, split))
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for split in splits:
        for record in _records(dataset, split):
            name = _file_name(record, names)
            _copy(dataset, record, out / target.picture(split.removeprefix("tiny_"), name))
            target.add(split.removeprefix("tiny_"), name, record)
            counts[split] = counts.get(split, 0) + 1
            if progress is not None:
                progress(len(names), total)
    target.finish()
    report = {
        "schema": "export/1",
        "format": config.format,
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "images": counts,
        "objects": {
            "written": held.objects,
            "changed": dict(sorted(held.changed.items())),
            "left_out": dict(sorted(held.left_out.items())),
        },
        "not_held": NOT_HELD.get(config.format, ["summaries", "metadata"]),
    }
    (out / REPORT).parent.mkdir(parents=True, exist_ok=True)
    write_json(out / REPORT, report)
    return report


def _records(dataset: Dataset, split: str) -> Iterator[Record]:
    return (in_pixels(record) for record in read_records(dataset.split_file(split)))


def _labels(dataset: Dataset, splits: Sequence[str], *, whole: bool) -> Labels:
    """Labels in the order of the dataset's classes, those of one class by name."""
    found = {
        item.desc if whole else label_of(item)[0]
        for split in splits
        for record in _records(dataset, split)
        for item in record.objects
    }
    order = [str(name) for name in dataset.manifest.get("class_order", [])]
    known = {name: place for place, name in enumerate(order)}
    return Labels(tuple(sorted(found, key=lambda n: (known.get(class_of(n), len(known)), n))))


def _file_name(record: Record, names: dict[str, str]) -> str:
    """The record's id as a file name, with its picture's suffix."""
    stem = record.id.replace("/", "__").replace("\\", "__").lstrip(".") or "picture"
    if stem in names:
        raise DataError(f"{record.id!r} and {names[stem]!r} would have one file name")
    names[stem] = record.id
    return stem + PurePosixPath(record.images[0]).suffix


def _copy(dataset: Dataset, record: Record, path: Path) -> None:
    data = read_image(dataset.folder, record.images[0])
    if isinstance(data, Fault):
        raise DataError(f"{record.id}: {data.message}", where=str(dataset.folder))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
