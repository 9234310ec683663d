"""Rendered pictures as a dataset, at the size that they are drawn in or larger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from mlcore.contract.records import Record, SceneObject
from mlcore.contract.writer import DatasetWriter
from mlcore.synth.canvas import Image
from mlcore.synth.job import encode_jpeg
from mlcore.synth.layout import SIZE
from mlcore.synth.scene import make_scene

QUALITY = 92
"""of the JPEG files"""


def write_rendered(folder: Path, train: int, val: int, side: int = SIZE) -> Path:
    """A valid dataset of square rendered pictures, `side` pixels, with geometry to match."""
    writer = DatasetWriter(folder, "rendered", ("train", "val"))
    for split, count in (("train", train), ("val", val)):
        for number in range(count):
            picture, record = enlarged(*make_scene(0, "a", split, number), side)
            writer.add_image(record.images[0], encode_jpeg(picture, QUALITY))
            writer.add(split, record)
    writer.finish()
    return folder


def enlarged(picture: Image, record: Record, side: int) -> tuple[Image, Record]:
    """A rendered scene with `side` pixels instead of its own; points move along."""
    if side == record.width:
        return picture, record
    scale = side / record.width
    large = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    objects = tuple(replace(one, points=_moved(one, scale, side)) for one in record.objects)
    return large, replace(record, width=side, height=side, objects=objects)


def _moved(one: SceneObject, scale: float, side: int) -> tuple[float, ...]:
    return tuple(np.clip(np.rint(np.array(one.points) * scale), 0, side - 1).tolist())
