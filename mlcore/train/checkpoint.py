"""Restartable checkpoints: safetensors and JSON only, complete when READY stands in the folder.

    checkpoints/step-N/  model.safetensors optim.safetensors rng-RANK.safetensors state.json READY

Written beside, flushed to disk and renamed, so a crash leaves the old checkpoint or the new one.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mlcore.errors import ConfigError
from mlcore.run.folder import write_json
from mlcore.train.optim import Optimizers

READY = "READY"
SCHEMA = "checkpoint/1"


@dataclass(frozen=True)
class Cursor:
    """Where training stands and what it must go on with. `step` counts finished steps."""

    step: int
    steps: int
    order: str
    data: str
    world: int


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    found = [p for p in folder.glob("step-*") if (p / READY).exists()]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def save_rng(folder: Path, step: int, rank: int) -> None:
    """Write the random state of this rank beside the checkpoint that rank 0 is about to finish."""
    target = _temporary(folder, step)
    target.mkdir(parents=True, exist_ok=True)
    save_file({"torch": torch.get_rng_state()}, target / f"rng-{rank}.safetensors")


def save(folder: Path, cursor: Cursor, model: nn.Module, optimizers: Optimizers, keep: int) -> Path:
    """Finish the checkpoint of `cursor.step` on rank 0 and drop all but the newest `keep`."""
    temporary = _temporary(folder, cursor.step)
    state = {name: value.contiguous() for name, value in _unique(model).items()}
    save_file(state, temporary / "model.safetensors")
    save_file(optimizers.tensors(), temporary / "optim.safetensors")
    write_json(temporary / "state.json", {"schema": SCHEMA, **asdict(cursor)})
    for path in (*temporary.iterdir(), temporary):
        _flush(path)
    target = folder / f"step-{cursor.step}"
    if target.exists():
        shutil.rmtree(target)
    temporary.rename(target)
    (target / READY).touch()
    for path in (target / READY, target, folder):
        _flush(path)
    for old in checkpoints(folder)[:-keep]:
        shutil.rmtree(old)
    return target


def load(
    path: Path, expected: Cursor, rank: int, model: nn.Module, optimizers: Optimizers
) -> Cursor:
    """Put everything back as it was. Raises ConfigError when the run is not the same any more."""
    raw = json.loads((path / "state.json").read_text(encoding="utf-8"))
    raw.pop("schema")
    cursor = Cursor(**raw)
    for name in ("steps", "order", "data", "world"):
        was, now = asdict(cursor)[name], asdict(expected)[name]
        if was != now:
            raise ConfigError(
                f"the checkpoint was made with another {name} ({was}, now {now})",
                hint="Resume with the same config and data, or start a new run.",
                where=str(path),
            )
    missing, unexpected = model.load_state_dict(load_file(path / "model.safetensors"), strict=False)
    assert not unexpected, unexpected
    assert set(missing) <= _shared(model), missing
    optimizers.load_tensors(load_file(path / "optim.safetensors"))
    torch.set_rng_state(load_file(path / f"rng-{rank}.safetensors")["torch"])
    return cursor


def _unique(model: nn.Module) -> dict[str, torch.Tensor]:
    """The state without tensors that share memory with an earlier one (tied weights)."""
    seen: set[int] = set()
    out = {}
    for name, value in model.state_dict().items():
        if value.data_ptr() not in seen:
            seen.add(value.data_ptr())
            out[name] = value
    return out


def _shared(model: nn.Module) -> set[str]:
    return set(model.state_dict()) - set(_unique(model))


def _temporary(folder: Path, step: int) -> Path:
    return folder / f".step-{step}.tmp"


def _flush(path: Path) -> None:
    """Bring a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
