"""Importing Pascal VOC: pictures made storable, boxes checked, nothing dropped unsaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlcore.contract.import_config import ImportConfig
from mlcore.contract.pictures import FORMATS, Fault, Header, decode, read_header, read_image
from mlcore.contract.quality import QualityReport
from mlcore.contract.records import (
    COORD_SPACE,
    Record,
    SceneObject,
    Where,
    parse_record,
    record_to_json,
)
from mlcore.contract.summaries import text_summary
from mlcore.contract.transform import (
    Corners,
    encode,
    scale_box,
    target_size,
    upright_box,
    upright_rgb,
)
from mlcore.contract.voc_source import VocEntry, VocSource, open_source
from mlcore.contract.voc_xml import BadXml, VocAnnotation, VocBox, read_annotation
from mlcore.contract.writer import DatasetWriter
from mlcore.errors import DataError
from mlcore.geometry.order import ORDER, order_objects
from mlcore.run.folder import write_json

Progress = Callable[[int, int], None]
"""called with pictures done and pictures in all; may raise to stop"""


@dataclass
class ImportCounts:
    """What came in and what became of it."""

    images_seen: int = 0
    images_kept: int = 0
    boxes_seen: int = 0
    boxes_kept: int = 0
    boxes_rejected: int = 0
    boxes_lost_with_image: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    """pictures stored differently: turned upright, recoded or resized"""

    def reject_share(self) -> float:
        """The larger of the rejected shares of images and of boxes."""
        images = 1 - self.images_kept / self.images_seen if self.images_seen else 1.0
        boxes = 1 - self.boxes_kept / self.boxes_seen if self.boxes_seen else 0.0
        return max(images, boxes)

    def to_json(self) -> dict[str, Any]:
        return {
            "images": {"seen": self.images_seen, "kept": self.images_kept},
            "boxes": {
                "seen": self.boxes_seen,
                "kept": self.boxes_kept,
                "rejected": self.boxes_rejected,
                "lost_with_image": self.boxes_lost_with_image,
            },
            "changed_images": dict(sorted(self.changed.items())),
        }


@dataclass(frozen=True)
class _Picture:
    """A picture as it is stored: bytes, size, suffix, and the map of boxes into it."""

    data: bytes
    size: tuple[int, int]
    suffix: str
    place: Callable[[Corners], Corners]


def import_voc(
    source: Path, out: Path, config: ImportConfig, progress: Progress | None = None
) -> dict[str, Any]:
    """Write the dataset folder `out`; returns dataset.json's content with `import` counts.

    Every rejected box or picture is a line of rejects.jsonl. Raises DataError when the source is
    not in VOC layout, or past `config.max_reject_share`: then rejects.jsonl and report.json are
    there and dataset.json is not.
    """
    found = open_source(source, config.val_share, config.seed)
    writer = DatasetWriter(out, config.dataset_name, found.splits)
    run = _Import(found, writer, config)
    try:
        run.all(progress)
    finally:
        writer.close()
    write_json(out / "report.json", {**run.quality.to_json(), "import": run.counts.to_json()})
    share = run.counts.reject_share()
    if share > config.max_reject_share:
        rules = ", ".join(f"{rule} {n}" for rule, n in sorted(run.quality.rejects.items()))
        raise DataError(
            f"{share:.2%} of the pictures or boxes are rejected"
            f" (allowed {config.max_reject_share:.2%}): {rules}",
            hint="rejects.jsonl names each by file and line.",
            where=str(out / "rejects.jsonl"),
        )
    manifest = writer.finish({"object_order": ORDER, "class_order": run.classes})
    return {**manifest, "import": run.counts.to_json()}


class _Import:
    """One import on its way."""

    def __init__(self, source: VocSource, writer: DatasetWriter, config: ImportConfig) -> None:
        self.source = source
        self.writer = writer
        self.config = config
        self.counts = ImportCounts()
        self.quality = QualityReport()
        self._parsed = {
            e.stem: read_annotation(e.annotation) for e in source.entries if e.annotation
        }
        names = {
            box.name
            for annotation in self._parsed.values()
            if isinstance(annotation, VocAnnotation)
            for box in annotation.boxes
            if box.name
        }
        self.classes = sorted(names)

    def all(self, progress: Progress | None) -> None:
        total = len(self.source.entries)
        for done, entry in enumerate(self.source.entries, start=1):
            self._entry(entry)
            if progress is not None:
                progress(done, total)

    def _entry(self, entry: VocEntry) -> None:
        self.counts.images_seen += 1
        annotation = self._parsed.get(entry.stem)
        boxes = annotation.boxes if isinstance(annotation, VocAnnotation) else ()
        self.counts.boxes_seen += len(boxes)
        made = self._picture(entry, annotation)
        if isinstance(made, Fault):
            self._lose(entry, annotation, made, len(boxes))
            return
        assert isinstance(annotation, VocAnnotation)
        kept = self._boxes(entry, annotation)
        record = self._record(entry, made, kept)
        checked = parse_record(record_to_json(record), Where(self._file(entry), 1))
        if not isinstance(checked, Record):
            fault = Fault(checked[0].rule, f"{checked[0].path}: {checked[0].message}")
            self._lose(entry, annotation, fault, len(kept))
            return
        self.writer.add_image(record.images[0], made.data)
        self.writer.add(entry.split, record)
        self.quality.add(entry.split, record)
        self.counts.images_kept += 1
        self.counts.boxes_kept += len(kept)

    def _picture(
        self, entry: VocEntry, annotation: VocAnnotation | BadXml | None
    ) -> _Picture | Fault:
        if entry.image is None:
            return Fault("voc.image", "has no picture in JPEGImages")
        if annotation is None:
            return Fault("voc.image", f"{entry.image.name} has no annotation")
        if isinstance(annotation, BadXml):
            return Fault("voc.xml", annotation.message)
        if not entry.split:
            return Fault("voc.unlisted", "is in none of train.txt, val.txt, test.txt")
        path = entry.image.relative_to(self.source.root).as_posix()
        data = read_image(self.source.root, path)
        if isinstance(data, Fault):
            return data
        header = read_header(data)
        if isinstance(header, Fault):
            return header
        upright = boxes_upright(annotation, header, self.config.exif_boxes)
        if isinstance(upright, Fault):
            return upright
        return self._stored(data, header, upright=upright)

    def _stored(self, data: bytes, header: Header, *, upright: bool) -> _Picture | Fault:
        """The picture's own bytes where they can stay, else turned, recoded, resized."""
        image = decode(data)
        if isinstance(image, Fault):
            return image
        shown = header.shown_size
        size = target_size(*shown, self.config.resize)
        changes = {
            "turned_upright": header.orientation != 1,
            "to_8_bit": header.bits > 8,
            "palette_to_rgb": header.mode == "P",
            "mode_to_rgb": header.mode not in ("RGB", "L", "P") and header.bits <= 8,
            "resized": size != shown,
        }
        self.counts.changed.update(name for name, true in changes.items() if true)
        if any(changes.values()):
            picture = upright_rgb(image, header.orientation)
            if size != shown:
                picture = picture.resize(size)
            data = encode(picture, header.format)

        def place(corners: Corners) -> Corners:
            if not upright:
                stored = header.width, header.height
                corners = upright_box(corners, header.orientation, *stored)
            return scale_box(corners, shown, size)

        return _Picture(data, size, FORMATS[header.format], place)

    def _boxes(self, entry: VocEntry, annotation: VocAnnotation) -> list[VocBox]:
        kept: list[VocBox] = []
        seen: set[tuple[str, Corners]] = set()
        for i, box in enumerate(annotation.boxes):
            fault = box.fault or self._box_fault(box, annotation, seen)
            if fault is None:
                seen.add((box.name, box.corners))
                kept.append(box)
            else:
                self.counts.boxes_rejected += 1
                self._reject(self._file(entry), box.line, f"objects[{i}].bndbox", fault, 1)
        return kept

    def _box_fault(
        self, box: VocBox, annotation: VocAnnotation, seen: set[tuple[str, Corners]]
    ) -> Fault | None:
        x0, y0, x1, y1 = self._edges(box)
        shown = [int(v) if v.is_integer() else v for v in box.corners]
        if x0 > x1 or y0 > y1:
            return Fault("geometry.order", f"{box.name} needs min < max: {shown}")
        if x0 == x1 or y0 == y1:
            return Fault("geometry.empty", f"{box.name} has no area: {shown}")
        if x0 < 0 or y0 < 0 or x1 > annotation.width or y1 > annotation.height:
            size = f"{annotation.width} x {annotation.height}"
            return Fault("geometry.bounds", f"{box.name} lies outside {size}: {shown}")
        if (box.name, box.corners) in seen:
            return Fault("voc.duplicate", f"{box.name} occurs twice: {shown}")
        return None

    def _edges(self, box: VocBox) -> Corners:
        x0, y0, x1, y1 = box.corners
        return x0 - self.config.first_pixel, y0 - self.config.first_pixel, x1, y1

    def _record(self, entry: VocEntry, picture: _Picture, kept: Sequence[VocBox]) -> Record:
        made = [SceneObject(b.name, "bbox_2d", picture.place(self._edges(b))) for b in kept]
        flags = {id(o): box for o, box in zip(made, kept, strict=True)}
        objects = order_objects(made, self.classes)
        metadata: dict[str, Any] = {"source": self._file(entry)}
        for name in ("truncated", "difficult"):
            places = [i for i, o in enumerate(objects) if vars(flags[id(o)])[name]]
            if places:
                metadata[name] = places
        return Record(
            entry.stem,
            (f"images/{entry.stem}{picture.suffix}",),
            *picture.size,
            COORD_SPACE,
            tuple(objects),
            text_summary([o.desc for o in objects]) or None,
            metadata,
        )

    def _lose(
        self,
        entry: VocEntry,
        annotation: VocAnnotation | BadXml | None,
        fault: Fault,
        boxes: int,
    ) -> None:
        self.counts.boxes_lost_with_image += boxes
        line = annotation.line if isinstance(annotation, BadXml) else 1
        self._reject(self._file(entry), line, "", fault, boxes)

    def _reject(self, file: str, line: int, path: str, fault: Fault, boxes: int) -> None:
        self.quality.reject(fault.rule)
        row = {"file": file, "line": line, "path": path, "rule": fault.rule}
        self.writer.reject({**row, "message": fault.message, "boxes": boxes})

    def _file(self, entry: VocEntry) -> str:
        path = entry.annotation or entry.image
        if path is None:
            return f"ImageSets/Main/{entry.split}.txt"
        return path.relative_to(self.source.root).as_posix()


def boxes_upright(annotation: VocAnnotation, header: Header, frame: str) -> bool | Fault:
    """Whether the boxes are drawn on the upright picture (True) or on the stored one (False).

    The stated size decides where width and height are swapped by the rotation; where it cannot
    tell, the config must.
    """
    stated = annotation.width, annotation.height
    stored, shown = (header.width, header.height), header.shown_size
    if 0 in stated:
        return Fault("voc.size", "the annotation states no size")
    allowed = {"stored": [stored], "upright": [shown]}.get(frame, [stored, shown])
    if stated not in allowed:
        size = " or ".join(sorted({f"{w} x {h}" for w, h in allowed}))
        return Fault("image.size", f"the annotation says {stated[0]} x {stated[1]}, it is {size}")
    if header.orientation == 1 or frame == "upright":
        return True
    if frame == "stored":
        return False
    if stored == shown:
        message = "the boxes may be drawn before or after the rotation; set exif_boxes"
        return Fault("image.orientation", message)
    return stated == shown
