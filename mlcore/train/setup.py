"""From a config to a trainer: the same on every rank."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import torch
from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.answers import tokenizer_texts
from mlcore.distill.agreement import require_learning
from mlcore.distill.coach import Coach, Limits
from mlcore.distill.step import DistillStep
from mlcore.distill.teacher import load_teacher
from mlcore.losses.terms import Objective
from mlcore.models.load import load_model
from mlcore.models.tiny import build_tiny
from mlcore.run.context import RunContext
from mlcore.train.config import DdpEngine as DdpConfig
from mlcore.train.config import FsdpEngine as FsdpConfig
from mlcore.train.config import LocalEngine as LocalConfig
from mlcore.train.config import ScratchStart, SftConfig
from mlcore.train.ddp import DdpEngine
from mlcore.train.engine import Engine, LocalEngine
from mlcore.train.fsdp import FsdpEngine
from mlcore.train.held_out import HeldOut, given_of
from mlcore.train.members import TrainingData
from mlcore.train.meter import Gauge
from mlcore.train.precision import FORMATS, loading_format, prepare_model
from mlcore.train.prepare import Prepared
from mlcore.train.schedule import sigma
from mlcore.train.step import SftStep
from mlcore.train.trainer import Trainer
from mlcore.train.zero import ZeroEngine
from mlcore.tuning.start import checkpoint_folder, made_folder
from mlcore.tuning.tuned import go_on, tune


def start_folder(config: SftConfig, ctx: RunContext, data: TrainingData) -> Path:
    """The checkpoint that training starts from; what must be made for it is made once per run."""
    if not isinstance(config.model, ScratchStart):
        return checkpoint_folder(config, config.model, ctx)
    recipe = config.model.recipe
    texts = chain.from_iterable(
        tokenizer_texts(member.train, config.messages_of(member.config)) for member in data.members
    )
    return made_folder(config, ctx, lambda folder: build_tiny(folder, recipe, texts))


def device_of(config: SftConfig, rank: int) -> torch.device:
    """The device of a rank."""
    wanted = config.device
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cpu":
        return torch.device("cpu")
    return torch.device("cuda", rank % torch.cuda.device_count())


def make_engine(config: SftConfig, device: torch.device) -> Engine:
    """The engine of this rank; several ranks meet here, once everything else is loaded."""
    if isinstance(config.engine, LocalConfig):
        return LocalEngine()
    if isinstance(config.engine, DdpConfig):
        return DdpEngine(device)
    if isinstance(config.engine, FsdpConfig):
        return FsdpEngine(device, config.engine)
    return ZeroEngine(device, config)


def build_trainer(
    config: SftConfig,
    start: Path,
    prepared: Prepared,
    rank: int,
    adapter: Path | None = None,
    teacher: Path | None = None,
) -> Trainer:
    """The trainer of one rank. Every rank draws the same start, so no weights are sent.

    `adapter` is that of an earlier stage which goes on learning, as `continued` finds it, and
    `teacher` the checkpoint of the config's teacher, where it has one.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    device = device_of(config, rank)
    coach = None if teacher is None else _coach(config, teacher, prepared, device)
    model = load_model(start, loading_format(config, start), config.attention)
    coord_ids = list(prepared.kit.coord_ids)
    tuned = tune(model, config.tuning, coord_ids, steps=config.steps, seed=config.seed)
    if adapter is not None:
        go_on(tuned, adapter)
    prepare_model(model, config)
    step = _step(config, model, coord_ids, coach)
    step.to(device)
    gauge = Gauge.of(config, model, device)
    held_out = held_out_of(config, prepared)
    engine = make_engine(config, device)
    source, order = prepared.source, prepared.order
    return Trainer(config, engine, step, source, order, device, gauge, held_out, tuned, coach)


def held_out_of(config: SftConfig, prepared: Prepared) -> HeldOut:
    """What the evaluations of a run score with its answers given."""
    last = config.steps - 1
    soft = config.coord_loss
    return HeldOut(
        given_of(prepared, config.evaluation.loss_images, config.global_max_length),
        [member.name for member in config.mixture.members],
        config.token_type_labels,
        micro_batch=config.micro_batch,
        sigma=1.0 if soft is None else sigma(soft, last, config.steps),
    )


def teacher_folder(config: SftConfig, ctx: RunContext) -> Path | None:
    """The checkpoint of the teacher; None without one."""
    return None if config.distill is None else ctx.resolve(config.distill.teacher)


def _coach(config: SftConfig, teacher: Path, prepared: Prepared, device: torch.device) -> Coach:
    assert config.distill is not None
    frozen = load_teacher(teacher, FORMATS[config.dtype], config.attention, device)
    limits = Limits(config.global_max_length, config.micro_batch)
    return Coach(config.distill, frozen, prepared.kit, config.seed, limits)


def _step(
    config: SftConfig,
    model: Qwen3VLForConditionalGeneration,
    coord_ids: list[int],
    coach: Coach | None,
) -> SftStep:
    if coach is None:
        return SftStep(model, coord_ids, Objective(config.coord_loss))
    require_learning(model, coach.config.features)
    objective = Objective(config.coord_loss, coach.config.sft_alpha)
    return DistillStep(model, coord_ids, objective, coach.config, coach.teacher)
