"""How fast a model of some billion random weights learns: built, trained and measured as its user
would, with the same code at any size and on any device."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

from mlcore.chat.answers import tokenizer_texts
from mlcore.chat.config import MessagesConfig
from mlcore.contract.reader import open_dataset
from mlcore.models.config import TinyRecipe, TinyText, TinyVision
from mlcore.models.load import save_checkpoint
from mlcore.models.processor import ImageTextProcessor
from mlcore.models.tiny import CHAT_TEMPLATE, image_processor, model_config, train_tokenizer
from mlcore.run.events import read_events
from mlcore.train import job
from tests.support.rendered import write_rendered
from tests.support.training import config_of, context

EVERY = 10
"""steps of one metric event; a window of them"""
NEVER = 1_000_000


@dataclass(frozen=True)
class Size:
    """A model and the work that it is given.

    `vocabulary` counts rows of the table of embeddings, of which the tokenizer may use fewer.
    Pictures are `side` pixels wide and high. A step has `batch` samples in rows of at most
    `row_tokens` tokens, one row a forward pass; `warm_up` steps come before the `steps` that are
    measured, both multiples of EVERY.
    """

    recipe: TinyRecipe
    vocabulary: int
    side: int
    pictures: int
    row_tokens: int
    batch: int
    warm_up: int
    steps: int
    workers: int
    threads: int = 1

    @property
    def image_tokens(self) -> int:
        """Tokens of one picture."""
        vision = self.recipe.vision
        return (self.side // (vision.patch_size * vision.merge_size)) ** 2


QWEN3_VL_4B = Size(
    recipe=TinyRecipe(
        text=TinyText(
            hidden_size=2560, layers=36, heads=32, kv_heads=8, head_dim=128,
            intermediate_size=9728, mrope_section=(24, 20, 20), max_positions=262_144,
        ),
        vision=TinyVision(
            hidden_size=1024, depth=24, heads=16, intermediate_size=4096, patch_size=16,
            merge_size=2, position_grid=48, deepstack=(5, 11, 17),
        ),
    ),
    vocabulary=151_936 + 1000,
    side=768,
    pictures=256,
    row_tokens=4096,
    batch=32,
    warm_up=10,
    steps=30,
    workers=8,
)  # fmt: skip
"""the sizes of Qwen3-VL-4B with 1000 coordinate tokens beside its own vocabulary"""
TINY = Size(
    recipe=TinyRecipe(), vocabulary=2048, side=192, pictures=24, row_tokens=1024, batch=8,
    warm_up=10, steps=10, workers=2,
)  # fmt: skip
"""the same work small enough for a CPU"""


@dataclass(frozen=True)
class Work:
    """A checkpoint and a dataset on disk."""

    size: Size
    checkpoint: Path
    dataset: Path
    parameters: int


@dataclass(frozen=True)
class Speed:
    """What the measured steps told: means over all of them, the most memory of any.

    `mfu` is None where nobody knows what the device could do. `image_share` is that of the tokens
    which stand for pictures, `fill` the share of rows' budget that holds tokens.
    """

    steps: int
    tokens_per_s: float
    supervised_per_s: float
    image_share: float
    mfu: float | None
    data_share: float
    fill: float
    samples_per_row: float
    peak_bytes: float


def make_work(folder: Path, size: Size, device: str, dtype: torch.dtype) -> Work:
    """Write pictures and a checkpoint of random weights, drawn on `device` in `dtype`."""
    dataset = write_rendered(folder / "dataset", train=size.pictures, val=2, side=size.side)
    records = open_dataset(dataset).split("train")
    tokenizer = train_tokenizer(size.recipe, tokenizer_texts(records, MessagesConfig()))
    processor = ImageTextProcessor(image_processor(size.recipe), tokenizer, CHAT_TEMPLATE)
    model = random_model(model_config(size.recipe, tokenizer), size, device, dtype)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    save_checkpoint(model, processor, folder / "checkpoint")
    return Work(size, folder / "checkpoint", dataset, parameters)


def random_model(
    config: Qwen3VLConfig, size: Size, device: str, dtype: torch.dtype
) -> Qwen3VLForConditionalGeneration:
    """A model with as many embeddings as the size says, made where it is to be: a model of some
    billion weights takes a minute on a CPU and a second on a GPU. On `meta` it has shapes only."""
    assert config.text_config.vocab_size <= size.vocabulary
    config.text_config.vocab_size = size.vocabulary
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            return Qwen3VLForConditionalGeneration(config)
    finally:
        torch.set_default_dtype(before)


def measure(work: Work, folder: Path, changes: dict[str, Any]) -> Speed:
    """Train with packed rows and tell the speed of the steps after the warm-up."""
    _forget()
    size = work.size
    settings = {
        "kind": "sft",
        "seed": 1,
        "model": {"type": "checkpoint", "checkpoint": str(work.checkpoint)},
        "data": {"dataset": str(work.dataset), "summary_share": 0.0},
        "steps": size.warm_up + size.steps,
        "batch_size": size.batch,
        "micro_batch": 1,
        "packing": {"type": "packed", "row_tokens": size.row_tokens},
        "global_max_length": 1024,
        "loading": {"workers": size.workers, "prefetch": 4},
        "threads": size.threads,
        "evaluation": {"every_steps": NEVER, "images": 0, "loss_images": 0},
        "checkpoint": {
            "type": "weights_only", "every_steps": NEVER, "save_last": False, "keep": 1
        },
        "log_every": EVERY,
        **changes,
    }  # fmt: skip
    job.run(config_of(settings), context(folder))
    _forget()
    return speed_of(read_events(folder / "events" / "attempt-1.jsonl"), size)


def speed_of(events: Iterable[dict[str, Any]], size: Size) -> Speed:
    """The windows after the warm-up put together; each has EVERY steps, so seconds weigh them."""
    rows: list[dict[str, float]] = [
        event["values"]
        for event in events
        if event["type"] == "metric"
        and event["step"] > size.warm_up
        and "train/loss" in event["values"]
    ]
    assert len(rows) * EVERY == size.steps, len(rows)
    seconds = [values["time/step_s"] for values in rows]

    def rate(name: str) -> float:
        return sum(v[name] * s for v, s in zip(rows, seconds, strict=True)) / sum(seconds)

    def mean(name: str) -> float:
        return sum(values[name] for values in rows) / len(rows)

    tokens = rate("train/tokens_per_s")
    gpu = "memory/cuda_peak_bytes"
    memory = gpu if gpu in rows[0] else "memory/peak_rss_bytes"
    return Speed(
        steps=size.steps,
        tokens_per_s=tokens,
        supervised_per_s=rate("train/supervised_tokens_per_s"),
        image_share=rate("train/samples_per_s") * size.image_tokens / tokens,
        mfu=rate("train/mfu") if "train/mfu" in rows[0] else None,
        data_share=sum(values["time/data_s"] for values in rows) / sum(seconds),
        fill=mean("pack/fill"),
        samples_per_row=mean("pack/samples_per_row"),
        peak_bytes=max(values[memory] for values in rows),
    )


def _forget() -> None:
    """Give back the memory of the run before, so that the peak is that of one run."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
