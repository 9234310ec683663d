"""One import for every format: pictures made storable, objects checked, nothing dropped unsaid."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlcore.contract.desc import class_of
from mlcore.contract.import_config import ImportConfig
from mlcore.contract.importers.checks import BOUNDS, group_fault, object_fault
from mlcore.contract.importers.formats import open_source
from mlcore.contract.importers.source import Annotation, Item, Source, used_splits
from mlcore.contract.importers.splits import drawn_splits, tickets_of
from mlcore.contract.importers.stored import Frame, Stored, store_picture
from mlcore.contract.importers.subsets import write_subsets
from mlcore.contract.pictures import Fault
from mlcore.contract.quality import QualityReport, image_facts
from mlcore.contract.records import (
    COORD_SPACE,
    Record,
    SceneObject,
    Where,
    parse_record,
    record_to_json,
)
from mlcore.contract.transform import Points
from mlcore.contract.writer import DatasetWriter
from mlcore.errors import DataError
from mlcore.geometry.canonical import canonical
from mlcore.geometry.clip import clip
from mlcore.geometry.order import order_objects
from mlcore.run.folder import write_json

Progress = Callable[[int, int], None]
"""called with pictures done and pictures in all; may raise to stop"""


@dataclass
class ImportCounts:
    """What came in and what became of it."""

    images_seen: int = 0
    images_kept: int = 0
    objects_seen: int = 0
    objects_kept: int = 0
    objects_rejected: int = 0
    objects_lost_with_image: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """objects that an option skips, by reason; not counted as seen"""
    changed_images: Counter[str] = field(default_factory=Counter)
    """pictures stored differently: turned upright, recoded or resized"""
    changed_objects: Counter[str] = field(default_factory=Counter)
    """objects whose geometry became another one, by reason"""

    def reject_share(self) -> float:
        """The larger of the rejected shares of images and of objects."""
        images = 1 - self.images_kept / self.images_seen if self.images_seen else 1.0
        objects = 1 - self.objects_kept / self.objects_seen if self.objects_seen else 0.0
        return max(images, objects)

    def to_json(self) -> dict[str, Any]:
        return {
            "images": {"seen": self.images_seen, "kept": self.images_kept},
            "objects": {
                "seen": self.objects_seen,
                "kept": self.objects_kept,
                "rejected": self.objects_rejected,
                "lost_with_image": self.objects_lost_with_image,
            },
            "left_out_objects": dict(sorted(self.left_out.items())),
            "changed_images": dict(sorted(self.changed_images.items())),
            "changed_objects": dict(sorted(self.changed_objects.items())),
        }


def import_dataset(
    folder: Path, out: Path, config: ImportConfig, progress: Progress | None = None
) -> dict[str, Any]:
    """Write the dataset folder `out`; returns dataset.json's content with `import` counts.

    Every rejected object or picture is a line of rejects.jsonl. Raises DataError when the source
    is not in its format's layout, or past `config.max_reject_share`: then rejects.jsonl and
    report.json are there and dataset.json is not.
    """
    source = open_source(folder, config)
    items = source.items[: config.limit or None]
    if not items:
        raise DataError(f"{folder} has no picture", where=str(folder))
    tickets = tickets_of(source, items, config)
    if source.splits and config.splits == "source":
        splits = [item.split for item in items]
    else:
        splits = drawn_splits(source.root, items, tickets, config)
    writer = DatasetWriter(out, config.dataset_name, used_splits(splits))
    run = _Import(source, items, writer, config)
    try:
        run.all(splits, tickets, progress)
    finally:
        writer.close()
    report = run.quality.to_json(image_facts(out, run.quality.image_paths()))
    write_json(out / "report.json", {**report, "import": run.counts.to_json()})
    _require_enough(run, out)
    subsets = write_subsets(out, {"train": config.tiny_train, "val": config.tiny_val}, config.seed)
    extra = {"object_order": config.object_order, "class_order": run.classes, "subsets": subsets}
    manifest = writer.finish(extra)
    return {**manifest, "import": run.counts.to_json()}


def _require_enough(run: _Import, out: Path) -> None:
    share, allowed = run.counts.reject_share(), run.config.max_reject_share
    if share > allowed:
        rules = ", ".join(f"{rule} {n}" for rule, n in sorted(run.quality.rejects.items()))
        raise DataError(
            f"{share:.2%} of the pictures or objects are rejected (allowed {allowed:.2%}): {rules}",
            hint="rejects.jsonl names each by file and place.",
            where=str(out / "rejects.jsonl"),
        )


class _Import:
    """One import on its way."""

    def __init__(
        self,
        source: Source,
        items: Sequence[Item],
        writer: DatasetWriter,
        config: ImportConfig,
    ) -> None:
        self.source = source
        self.items = items
        self.writer = writer
        self.config = config
        self.counts = ImportCounts(
            left_out=Counter(source.left_out), changed_objects=Counter(source.changed)
        )
        self.quality = QualityReport()
        used = {class_of(o.desc) for item in items for o in item.objects if o.desc}
        known = list(dict.fromkeys(class_of(name) for name in source.classes))
        rest = sorted(used.difference(known))
        self.classes = [name for name in known if name in used] + rest
        self._ids: dict[str, str] = {}
        self._digests: dict[str, tuple[str, str]] = {}

    def all(self, splits: Sequence[str], tickets: Sequence[str], progress: Progress | None) -> None:
        for row in self.source.rejects:
            self.counts.objects_seen += row.objects
            self.counts.objects_rejected += row.objects
            self._reject(row.file, row.line, row.path, row.fault, row.objects)
        total = len(self.items)
        for done, item in enumerate(self.items):
            self._item(item, splits[done], tickets[done])
            if progress is not None:
                progress(done + 1, total)

    def _item(self, item: Item, split: str, ticket: str) -> None:
        self.counts.images_seen += 1
        self.counts.objects_seen += len(item.objects)
        made = self._picture(item, split)
        if isinstance(made, Fault):
            self._lose(item, made, len(item.objects))
            return
        kept = self._objects(item, made)
        record = self._record(item, made, kept, ticket)
        fault = record if isinstance(record, Fault) else None
        if isinstance(record, Record):
            fault = group_fault(given for given, _ in kept)
            fault = fault or self._record_fault(item, record, made, split)
        if fault is not None or isinstance(record, Fault):
            assert fault is not None
            self._lose(item, fault, len(kept))
            return
        self._ids[record.id] = item.file
        self.writer.add_image(record.images[0], made.data)
        self.writer.add(split, record)
        self.quality.add(split, record)
        self.counts.images_kept += 1
        self.counts.objects_kept += len(kept)
        self.counts.changed_images.update(made.changes)

    def _picture(self, item: Item, split: str) -> Stored | Fault:
        if item.fault is not None:
            return item.fault
        if not split:
            return Fault("source.unlisted", f"is in none of {', '.join(self.source.splits)}")
        return store_picture(self.source.root, item, self.config)

    def _objects(self, item: Item, picture: Stored) -> list[tuple[Annotation, SceneObject]]:
        kept: list[tuple[Annotation, SceneObject]] = []
        seen: set[tuple[str, Points]] = set()
        for given in item.objects:
            points, fault = self._usable(given, item, picture.frame, seen)
            if fault is None:
                seen.add((given.desc, points))
                placed = picture.place(given.kind, points)
                if self.config.points == "canonical":
                    placed = canonical(given.kind, placed)
                kept.append((given, SceneObject(given.desc, given.kind, placed)))
            else:
                self.counts.objects_rejected += 1
                self._reject(item.file, given.line, given.path, fault, 1)
        return kept

    def _usable(
        self, given: Annotation, item: Item, frame: Frame, seen: set[tuple[str, Points]]
    ) -> tuple[Points, Fault | None]:
        """The points in pixels of the frame, cut to it where the config says so."""
        if given.fault is not None:
            return given.points, given.fault
        points = given.points
        if item.unit == "shares":
            points = tuple(round(v * frame.size[i % 2], 2) for i, v in enumerate(points))
        fault = object_fault(given, points, frame.size, seen)
        if fault is None or fault.rule != BOUNDS or self.config.outside == "reject":
            return points, fault
        cut = clip(given.kind, points, *frame.size)
        if cut.degenerate:
            return points, fault
        self.counts.changed_objects["clipped"] += 1
        return cut.points, object_fault(given, cut.points, frame.size, seen)

    def _record(
        self,
        item: Item,
        picture: Stored,
        kept: Sequence[tuple[Annotation, SceneObject]],
        ticket: str,
    ) -> Record | Fault:
        given = {id(made): annotation for annotation, made in kept}
        objects = order_objects(
            [made for _, made in kept], self.classes, policy=self.config.object_order
        )
        metadata: dict[str, Any] = {"source": item.file, **item.metadata}
        if ticket:
            metadata["ticket"] = ticket
        for flag in dict.fromkeys(f for annotation, _ in kept for f in annotation.flags):
            metadata[flag] = [i for i, o in enumerate(objects) if flag in given[id(o)].flags]
        try:
            summary = self.source.summary([o.desc for o in objects])
        except DataError as error:
            return Fault("source.summary", error.message)
        return Record(
            item.name,
            (f"images/{item.name}{picture.suffix}",),
            *picture.size,
            COORD_SPACE,
            tuple(objects),
            summary or None,
            metadata,
        )

    def _record_fault(
        self, item: Item, record: Record, picture: Stored, split: str
    ) -> Fault | None:
        """What keeps a picture out although it and its objects are good by themselves."""
        if record.id in self._ids:
            message = f"{record.id!r} is also the id of a picture of {self._ids[record.id]}"
            return Fault("record.duplicate_id", message)
        checked = parse_record(record_to_json(record), Where(item.file, item.line))
        if not isinstance(checked, Record):
            return Fault(checked[0].rule, f"{checked[0].path}: {checked[0].message}")
        digest = hashlib.sha256(picture.data).hexdigest()
        known_split, known = self._digests.setdefault(digest, (split, record.id))
        if known_split != split:
            return Fault("image.leak", f"is also in the split {known_split}, as {known}")
        return None

    def _lose(self, item: Item, fault: Fault, objects: int) -> None:
        self.counts.objects_lost_with_image += objects
        self._reject(item.file, item.line, item.path, fault, objects)

    def _reject(self, file: str, line: int, path: str, fault: Fault, objects: int) -> None:
        self.quality.reject(fault.rule)
        row = {"file": file, "line": line, "path": path, "rule": fault.rule}
        self.writer.reject({**row, "message": fault.message, "objects": objects})
