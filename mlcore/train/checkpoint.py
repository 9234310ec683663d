"""Checkpoints: safetensors and JSON only, complete when READY stands in the folder.

    checkpoints/step-N/  state.json READY, and of a restartable one model.safetensors (what is
                         trained) optim.safetensors rng-RANK.safetensors tuning.safetensors
                         (what a tuner keeps, where it does), or a whole model
    checkpoints/best.json

Written beside, flushed to disk and renamed, so a crash leaves the old checkpoint or the new one.
`state.json` holds the digest of every other file, so that damage is seen before it is loaded.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mlcore.errors import ConfigError
from mlcore.randomness import sample_rng
from mlcore.run.folder import write_json
from mlcore.train.engine import Engine
from mlcore.train.optim import Optimizers
from mlcore.train.saving import READY, STATE, Saving, checkpoints, digests, read_state

SCHEMA = "checkpoint/2"
EXTRA = "tuning.safetensors"
Publish = Callable[[Any, Path], None]
"""writes a model, ready for use, into a folder"""


@dataclass(frozen=True)
class Cursor:
    """Where training stands and what it must go on with. `step` counts finished steps; `teacher`
    names who teaches and how, and is empty without one."""

    step: int
    steps: int
    order: str
    data: str
    world: int
    teacher: str = ""


def save_rng(folder: Path, step: int, rank: int) -> None:
    """Write the random state of this rank beside the checkpoint that rank 0 is about to finish."""
    target = _temporary(folder, step)
    target.mkdir(parents=True, exist_ok=True)
    save_file({"torch": torch.get_rng_state()}, target / f"rng-{rank}.safetensors")


def save(
    folder: Path,
    cursor: Cursor,
    model: nn.Module,
    tensors: Mapping[str, torch.Tensor],
    extra: Mapping[str, torch.Tensor],
    saving: Saving,
) -> Path:
    """Finish the restartable checkpoint of `cursor.step` on rank 0 and drop what does not stay.

    `model` is whole and `tensors` are the optimisers' whole state, so that a checkpoint is the
    same for every engine. `extra` comes back from `load_extra`.
    """
    with _written(folder, cursor.step) as temporary:
        save_file(trained_state(model), temporary / "model.safetensors")
        save_file(dict(tensors), temporary / "optim.safetensors")
        if extra:
            save_file(dict(extra), temporary / EXTRA)
        return _finish(temporary, folder, cursor, "restartable", saving)


def save_weights(
    folder: Path, cursor: Cursor, publish: Publish, model: nn.Module, saving: Saving
) -> Path:
    """Write a checkpoint that is a model for use and nothing else."""
    with _written(folder, cursor.step) as temporary:
        publish(model, temporary)
        return _finish(temporary, folder, cursor, "weights_only", saving)


@contextmanager
def _written(folder: Path, step: int) -> Iterator[Path]:
    """The folder that a checkpoint is written in, gone again when that fails: on a full disk
    every byte counts."""
    temporary = _temporary(folder, step)
    temporary.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _finish(temporary: Path, folder: Path, cursor: Cursor, type_: str, saving: Saving) -> Path:
    best = None if saving.best is None else asdict(saving.best)
    about = {"schema": SCHEMA, "type": type_, "best": best, "files": digests(temporary)}
    write_json(temporary / STATE, {**asdict(cursor), **about})
    for path in (*temporary.rglob("*"), temporary):
        _flush(path)
    target = folder / f"step-{cursor.step}"
    if target.exists():
        shutil.rmtree(target)
    temporary.rename(target)
    (target / READY).touch()
    for path in (target / READY, target, folder):
        _flush(path)
    saving.point_at_best(folder)
    for old in saving.superfluous(checkpoints(folder)):
        shutil.rmtree(old)
    return target


def load(
    path: Path, expected: Cursor, engine: Engine, model: nn.Module, optimizers: Optimizers
) -> Cursor:
    """Put everything back as it was. Raises ConfigError when the run is not the same any more.

    Another number of ranks may go on: weights and optimiser state are whole. Only what a rank
    draws, the dropout of adapters, then goes on otherwise, from the step and the rank.
    """
    raw = read_state(path)
    cursor = Cursor(**{field.name: raw[field.name] for field in fields(Cursor)})
    for name in ("steps", "order", "data", "teacher"):
        was, now = asdict(cursor)[name], asdict(expected)[name]
        if was != now:
            raise ConfigError(
                f"the checkpoint was made with another {name} ({was}, now {now})",
                hint="Resume with the same config and data, or start a new run.",
                where=str(path),
            )
    engine.load_weights(model, weights_of(path, model))
    engine.load_optimizer(optimizers, load_file(path / "optim.safetensors"))
    if cursor.world == expected.world:
        torch.set_rng_state(load_file(path / f"rng-{engine.rank}.safetensors")["torch"])
    else:
        drawn = sample_rng(cursor.step, engine.rank, cursor.order, "resume")
        torch.manual_seed(int(drawn.integers(2**63)))
    return cursor


def load_weights(path: Path, model: nn.Module) -> None:
    """Put back into a whole model what `trained_state` gave; frozen weights are those that the
    run starts from. Raises ConfigError when the checkpoint is of other weights."""
    model.load_state_dict(weights_of(path, model), strict=False)


def weights_of(path: Path, model: nn.Module) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint. Raises ConfigError unless they are those that learn."""
    given = load_file(path / "model.safetensors")
    names = set(model.state_dict())
    wrong = sorted((set(given) - names) | (trained_names(model) - set(given)))
    if wrong:
        raise ConfigError(
            f"the checkpoint is of other weights: {wrong[0]}, for one",
            hint="Resume with the same model and tuning, or start a new run.",
            where=str(path),
        )
    return given


def load_extra(path: Path) -> dict[str, torch.Tensor]:
    """What `save` was given as `extra`; nothing where that was empty."""
    file = path / EXTRA
    return load_file(file) if file.is_file() else {}


def trained_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The state of a model but its frozen weights, and of tied weights the first name only."""
    names = trained_names(model)
    return {n: value.contiguous() for n, value in model.state_dict().items() if n in names}


def trained_names(model: nn.Module) -> set[str]:
    """The names of the weights that learn, tied ones by their first name, and of the buffers."""
    weights = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    learn = {name for name, p in model.named_parameters() if p.requires_grad}
    return {name for name in model.state_dict() if name in learn or name not in weights}


def _temporary(folder: Path, step: int) -> Path:
    return folder / f".step-{step}.tmp"


def _flush(path: Path) -> None:
    """Bring a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
