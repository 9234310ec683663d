"""Small records, images and a tiny checkpoint for tests of the learning half."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlcore.chat.answers import tokenizer_texts
from mlcore.chat.config import MessagesConfig
from mlcore.contract.records import Kind, Record, SceneObject
from mlcore.models.config import TinyRecipe
from mlcore.models.tiny import build_tiny

DESCRIPTIONS = (
    "类别=螺丝,符合性=符合",
    "类别=螺丝,符合性=不符合",
    "类别=BBU,可见性=完整",
    "类别=标签,文本=清晰",
)


def make_record(number: int, width: int = 96, height: int = 64, objects: int = 3) -> Record:
    """A record with boxes, one polygon and one line, the same for the same number."""
    rng = np.random.default_rng(number)
    found = []
    for index in range(objects):
        kind: Kind = ("bbox_2d", "poly", "line")[index % 3]
        left, right = np.sort(rng.integers(0, width - 1, 2))
        top, bottom = np.sort(rng.integers(0, height - 1, 2))
        box = (float(left), float(top), float(right + 1), float(bottom + 1))
        corners = (box[0], box[1], box[2], box[1], box[2], box[3], box[0], box[3])
        found.append(
            SceneObject(
                desc=DESCRIPTIONS[int(rng.integers(len(DESCRIPTIONS)))],
                kind=kind,
                points=corners if kind == "poly" else box,
            )
        )
    return Record(
        id=f"scene-{number}",
        images=(f"images/scene-{number}.png",),
        width=width,
        height=height,
        coord_space="pixel",
        objects=tuple(found),
        summary=f"螺丝×{number % 7}，标签×1",
    )


def make_image(number: int, width: int = 96, height: int = 64) -> npt.NDArray[np.uint8]:
    """Noise, uint8 [H, W, 3]."""
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)


def make_checkpoint(folder: Path) -> Path:
    """A checkpoint folder of the default tiny size, its tokenizer trained on such records."""
    records = [make_record(number) for number in range(40)]
    build_tiny(folder, TinyRecipe(), tokenizer_texts(records, MessagesConfig()))
    return folder
