"""Configs, records and pictures for tests of augmentation."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mlcore.augment.config import AugmentConfig
from mlcore.augment.pipeline import Augmented, Augmenter
from mlcore.contract.records import Record, SceneObject

WIDTH, HEIGHT = 320, 240
OBJECTS = (
    SceneObject("类别=BBU设备,可见性=完整", "poly", (60, 40, 200, 50, 190, 150, 120, 110, 55, 140)),
    SceneObject("类别=BBU安装螺丝,可见性=完整,符合性=符合", "bbox_2d", (70, 60, 90, 80)),
    SceneObject("类别=BBU安装螺丝,可见性=完整,符合性=不符合", "bbox_2d", (250, 180, 275, 205)),
    SceneObject("类别=光纤,弯曲半径=半径合理", "line", (200, 90, 260, 100, 300, 220)),
    SceneObject("类别=标签,文本=可见性=完整", "poly", (10, 200, 60, 195, 62, 225, 12, 230)),
)


def config(*ops: dict[str, Any], **rest: Any) -> AugmentConfig:
    """The config of some ops, read as strictly as from a file."""
    return AugmentConfig.model_validate_json(json.dumps({"ops": ops, **rest}), strict=True)


def record(
    objects: tuple[SceneObject, ...] = OBJECTS,
    width: int = WIDTH,
    height: int = HEIGHT,
    name: str = "r",
    summary: str | None = None,
) -> Record:
    """A record with one picture."""
    return Record(name, (f"images/{name}.png",), width, height, "pixel", objects, summary)


def picture(width: int = WIDTH, height: int = HEIGHT, number: int = 0) -> npt.NDArray[np.uint8]:
    """Soft stripes with shapes: enough structure to see where every part of it went."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([x * 255 // width, y * 255 // height, (x + y) % 64 * 3], axis=-1)
    image = base.astype(np.uint8)
    for _ in range(12):
        at = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(image, at, int(rng.integers(4, 24)), rng.integers(0, 256, 3).tolist(), -1)
    return image


def run(
    settings: AugmentConfig,
    one: Record | None = None,
    image: npt.NDArray[np.uint8] | None = None,
    seed: int = 0,
    epoch: int = 0,
) -> Augmented:
    """One sample through a pipeline."""
    given = record() if one is None else one
    shown = picture(given.width, given.height) if image is None else image
    return Augmenter(settings, seed)(given, shown, epoch, 0, 1)
