"""Small datasets, pictures, VOC folders and run contexts for tests of the data half."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.records import Record, SceneObject
from mlcore.contract.writer import DatasetWriter
from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter
from mlcore.run.folder import RunFolder
from mlcore.run.signals import StopSignal


def picture(number: int = 0, width: int = 64, height: int = 48) -> Image.Image:
    """A noisy RGB picture, another for each number."""
    rng = np.random.default_rng(number)
    return Image.fromarray(rng.integers(0, 255, (height, width, 3)).astype(np.uint8))


def encoded(image: Image.Image, format_: str = "JPEG", orientation: int = 1) -> bytes:
    """Bytes of a picture, with an EXIF orientation where it is not 1."""
    out = io.BytesIO()
    if orientation == 1:
        image.save(out, format_)
    else:
        exif = Image.Exif()
        exif[274] = orientation
        image.save(out, format_, exif=exif)
    return out.getvalue()


def box_record(number: int, width: int = 64, height: int = 48) -> Record:
    """A record with one box."""
    box = SceneObject("类别=螺丝,符合性=符合", "bbox_2d", (4, 5, 20, 30))
    return Record(f"r{number}", (f"images/r{number}.jpg",), width, height, "pixel", (box,), "一")


def write_dataset(folder: Path, train: int = 4, val: int = 2) -> Dataset:
    """A valid dataset of noisy pictures with one box each."""
    writer = DatasetWriter(folder, "small", ("train", "val"))
    for number in range(train + val):
        record = box_record(number)
        writer.add_image(record.images[0], encoded(picture(number)))
        writer.add("train" if number < train else "val", record)
    writer.finish()
    return open_dataset(folder)


def run_context(folder: Path) -> RunContext:
    """A context over a run folder, with paths relative to the folder's parent."""
    run = RunFolder(folder)
    return RunContext(run, EventWriter(run.events(1)), StopSignal(), config_dir=folder.parent)


def voc_object(name: str, *corners: float | str, truncated: int = 0) -> str:
    """One `object` element on lines of its own."""
    keys = ("xmin", "ymin", "xmax", "ymax")
    parts = "".join(f"<{k}>{v}</{k}>" for k, v in zip(keys, corners, strict=True))
    return (
        f"<object>\n<name>{name}</name><truncated>{truncated}</truncated>\n"
        f"<bndbox>{parts}</bndbox>\n</object>\n"
    )


def voc_xml(objects: str, width: int = 64, height: int = 48) -> str:
    """An annotation; its first object starts at line 3."""
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation>\n{size}\n{objects}</annotation>\n"


def add_voc(
    root: Path, stem: str, xml: str | None, image: bytes | None, suffix: str = ".jpg"
) -> None:
    """One picture and its annotation of a VOC folder; None leaves a file out."""
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / name).mkdir(parents=True, exist_ok=True)
    if xml is not None:
        (root / "Annotations" / f"{stem}.xml").write_text(xml, encoding="utf-8")
    if image is not None:
        (root / "JPEGImages" / f"{stem}{suffix}").write_bytes(image)
