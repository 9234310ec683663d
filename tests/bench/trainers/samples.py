"""The identical work: a small Qwen3-VL, pictures and conversations, on disk for every trainer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mlcore.chat.answers import tokenizer_texts
from mlcore.chat.config import MessagesConfig
from mlcore.chat.kit import RenderKit
from mlcore.chat.messages import record_conversation, to_messages
from mlcore.chat.render import Renderer
from mlcore.contract.reader import open_dataset
from mlcore.contract.writer import DatasetWriter
from mlcore.models.config import TinyRecipe
from mlcore.models.tiny import build_tiny
from tests.support.scenes import make_record

SIDE = 64
MOST_OBJECTS = 14
"""a record has 1 to so many objects, few more often than many: lengths spread as in real sets"""
SIZES: dict[str, dict[str, Any]] = {
    "1M": {},
    "20M": {
        "text": {
            "hidden_size": 384, "layers": 8, "heads": 6, "kv_heads": 2, "head_dim": 64,
            "intermediate_size": 1536, "mrope_section": [12, 10, 10],
        },
        "vision": {"hidden_size": 128, "depth": 4, "heads": 4, "intermediate_size": 384},
    },
}  # fmt: skip


@dataclass(frozen=True)
class Work:
    """A checkpoint, a dataset, and the same samples as messages; counts are means per sample."""

    checkpoint: Path
    dataset: Path
    conversations: Path
    parameters: int
    tokens: float
    supervised: float


def make_work(folder: Path, size: str, samples: int) -> Work:
    """Everything below `folder`, the same every time."""
    rng = np.random.default_rng(0)
    dataset = folder / "dataset"
    writer = DatasetWriter(dataset, "bench", ("train", "val"))
    for number in range(samples + 2):
        count = 1 + min(int(rng.exponential(3.5)), MOST_OBJECTS - 1)
        record = make_record(number, SIDE, SIDE, objects=count)
        pixels = cv2.GaussianBlur(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8), (5, 5), 0)
        writer.add_image(record.images[0], cv2.imencode(".png", pixels)[1].tobytes())
        writer.add("train" if number < samples else "val", record)
    writer.finish()
    records = open_dataset(dataset).split("train")
    messages = MessagesConfig()
    checkpoint = folder / "checkpoint"
    recipe = TinyRecipe.model_validate_json(json.dumps(SIZES[size]))
    build_tiny(checkpoint, recipe, tokenizer_texts(records, messages))
    renderer = Renderer(RenderKit.from_folder(checkpoint), messages, dataset="bench")
    lines, lengths, labels = [], [], []
    for record in records:
        example = renderer.training_example(record, dataset, "dense")
        lengths.append(len(example))
        labels.append(int((example.labels[1:] >= 0).sum()))
        talk = to_messages(record_conversation(record, "dense", messages, "bench"))
        lines.append({"messages": talk, "images": [str(dataset / record.images[0])]})
    conversations = folder / "conversations.jsonl"
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    conversations.write_text(text, encoding="utf-8")
    return Work(
        checkpoint, dataset, conversations, _parameters(checkpoint),
        float(np.mean(lengths)), float(np.mean(labels)),
    )  # fmt: skip


def _parameters(checkpoint: Path) -> int:
    from safetensors import safe_open

    total = 0
    for path in checkpoint.glob("*.safetensors"):
        with safe_open(path, "np") as file:
            total += sum(int(np.prod(file.get_slice(k).get_shape())) for k in file.keys())  # noqa: SIM118
    return total
