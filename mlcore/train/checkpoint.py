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

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mlcore.errors import ConfigError
from mlcore.run.folder import write_json
from mlcore.train.optim import Optimizers
from mlcore.train.saving import READY, STATE, Saving, checkpoints, digests, read_state

SCHEMA = "checkpoint/2"
EXTRA = "tuning.safetensors"
Publish = Callable[[Path], None]
"""writes the model, ready for use, into a folder"""


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
    optimizers: Optimizers,
    extra: Mapping[str, torch.Tensor],
    saving: Saving,
) -> Path:
    """Finish the restartable checkpoint of `cursor.step` on rank 0 and drop what does not stay.

    `extra` comes back from `load_extra`.
    """
    with _written(folder, cursor.step) as temporary:
        save_file(trained_state(model), temporary / "model.safetensors")
        save_file(optimizers.tensors(), temporary / "optim.safetensors")
        if extra:
            save_file(dict(extra), temporary / EXTRA)
        return _finish(temporary, folder, cursor, "restartable", saving)


def save_weights(folder: Path, cursor: Cursor, publish: Publish, saving: Saving) -> Path:
    """Write a checkpoint that is a model for use and nothing else."""
    with _written(folder, cursor.step) as temporary:
        publish(temporary)
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
    path: Path, expected: Cursor, rank: int, model: nn.Module, optimizers: Optimizers
) -> Cursor:
    """Put everything back as it was. Raises ConfigError when the run is not the same any more."""
    raw = read_state(path)
    cursor = Cursor(**{field.name: raw[field.name] for field in fields(Cursor)})
    for name in ("steps", "order", "data", "world", "teacher"):
        was, now = asdict(cursor)[name], asdict(expected)[name]
        if was != now:
            raise ConfigError(
                f"the checkpoint was made with another {name} ({was}, now {now})",
                hint="Resume with the same config and data, or start a new run.",
                where=str(path),
            )
    load_weights(path, model)
    optimizers.load_tensors(load_file(path / "optim.safetensors"))
    torch.set_rng_state(load_file(path / f"rng-{rank}.safetensors")["torch"])
    return cursor


def load_weights(path: Path, model: nn.Module) -> None:
    """Put back what `trained_state` gave; frozen weights are those that the run starts from.

    Raises ConfigError when the checkpoint is of other weights.
    """
    given = load_file(path / "model.safetensors")
    missing, unexpected = model.load_state_dict(given, strict=False)
    lacking = sorted(set(missing) & set(trained_state(model)))
    if unexpected or lacking:
        raise ConfigError(
            f"the checkpoint is of other weights: {[*unexpected, *lacking][0]}, for one",
            hint="Resume with the same model and tuning, or start a new run.",
            where=str(path),
        )


def load_extra(path: Path) -> dict[str, torch.Tensor]:
    """What `save` was given as `extra`; nothing where that was empty."""
    file = path / EXTRA
    return load_file(file) if file.is_file() else {}


def trained_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The state of a model but its frozen weights, and of tied weights the first name only."""
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    return {n: value.contiguous() for n, value in _unique(model).items() if n not in frozen}


def _unique(model: nn.Module) -> dict[str, torch.Tensor]:
    """The state without tensors that share memory with an earlier one (tied weights)."""
    seen: set[int] = set()
    out = {}
    for name, value in model.state_dict().items():
        if value.data_ptr() not in seen:
            seen.add(value.data_ptr())
            out[name] = value
    return out


def _temporary(folder: Path, step: int) -> Path:
    return folder / f".step-{step}.tmp"


def _flush(path: Path) -> None:
    """Bring a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
