"""From a config to a trainer: the same on every rank."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

from mlcore.chat.answers import tokenizer_texts
from mlcore.chat.config import MessagesConfig
from mlcore.chat.kit import RenderKit
from mlcore.chat.render import Renderer
from mlcore.contract.limits import check_limits
from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.records import Record
from mlcore.contract.validate import require_valid
from mlcore.errors import DataError
from mlcore.models.load import load_model, load_processor
from mlcore.models.tiny import build_tiny
from mlcore.run.context import RunContext
from mlcore.train.config import ScratchStart, SftConfig
from mlcore.train.engine import Engine
from mlcore.train.order import Order
from mlcore.train.source import Source
from mlcore.train.step import SftStep
from mlcore.train.trainer import Trainer

MakeEngine = Callable[[torch.device], Engine]
"""makes a rank's engine for its device, once everything else is loaded"""
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class TrainingData:
    """The dataset and the valid records of its two splits."""

    dataset: Dataset
    train: list[Record]
    val: list[Record]


def load_data(config: SftConfig, ctx: RunContext, rejects: Path | None = None) -> TrainingData:
    """Open and validate the dataset; rejected lines go to `rejects`.

    Raises DataError before any model is loaded.
    """
    dataset = open_dataset(ctx.resolve(config.data.dataset))
    checked = require_valid(dataset, config.data.max_reject_share, rejects=rejects)
    splits = [config.data.train_split, config.data.val_split]
    for split in splits:
        dataset.split_file(split)
    train, val = (list(checked.records[split]) for split in splits)
    check_limits([*train, *val], dataset.folder, config.data.max_pixels)
    if config.data.summary_share > 0 and any(not record.summary for record in train):
        raise DataError(
            "records of the train split have no summary, but summary_share is above 0",
            hint="Set data.summary_share: 0 to learn dense captions only.",
            where=str(dataset.folder),
        )
    return TrainingData(dataset, train, val)


def start_folder(config: SftConfig, ctx: RunContext, train: list[Record]) -> Path:
    """The checkpoint that training starts from; a scratch model is built once per run."""
    if not isinstance(config.model, ScratchStart):
        return ctx.resolve(config.model.checkpoint)
    folder = ctx.folder.root / "start"
    if not folder.exists():
        texts = tokenizer_texts(train, MessagesConfig(profile=config.profile))
        unfinished = folder.with_name(".start.tmp")
        shutil.rmtree(unfinished, ignore_errors=True)
        build_tiny(unfinished, config.model.recipe, texts)
        unfinished.rename(folder)
    return folder


def device_of(config: SftConfig, rank: int) -> torch.device:
    """The device of a rank."""
    wanted = config.device
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cpu":
        return torch.device("cpu")
    return torch.device("cuda", rank % torch.cuda.device_count())


def build_trainer(
    config: SftConfig,
    start: Path,
    data: TrainingData,
    make_engine: MakeEngine,
    rank: int,
) -> tuple[Trainer, Qwen3VLProcessor]:
    """The trainer of one rank. Every rank draws the same start, so no weights are sent."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    device = device_of(config, rank)
    processor = load_processor(start)
    model = load_model(start, _DTYPES[config.dtype])
    renderer = Renderer(RenderKit.from_folder(start), MessagesConfig(profile=config.profile))
    source = Source(data.train, data.dataset.folder, renderer, config.global_max_length)
    order = Order(len(source), config.batch_size, config.data.summary_share, config.seed)
    step = SftStep(model, list(renderer.coord_ids))
    step.to(device)
    trainer = Trainer(config, make_engine(device), step, source, order, device)
    return trainer, processor
