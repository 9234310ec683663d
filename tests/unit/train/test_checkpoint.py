"""Checkpoints are whole or absent, hold everything, and the newest few stay."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mlcore.errors import ConfigError
from mlcore.train.checkpoint import Cursor, checkpoints, load, save, save_rng
from mlcore.train.config import OptimConfig
from mlcore.train.optim import Optimizers

CURSOR = Cursor(step=2, steps=9, order="o", data="d", world=1)


class Tied(nn.Module):
    """Two layers, the second sharing the first one's weight, as tied heads do."""

    def __init__(self) -> None:
        super().__init__()
        self.language_model = nn.Linear(4, 4)
        self.lm_head = nn.Linear(4, 4, bias=False)
        self.lm_head.weight = self.language_model.weight

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.lm_head(torch.tanh(self.language_model(rows)))
        return result


def trained(seed: int, steps: int) -> tuple[Tied, Optimizers]:
    torch.manual_seed(seed)
    model = Tied()
    optimizers = Optimizers(model, OptimConfig())
    go_on(model, optimizers, steps)
    return model, optimizers


def go_on(model: Tied, optimizers: Optimizers, steps: int) -> None:
    """Steps on random rows, so that the random state matters."""
    for _ in range(steps):
        optimizers.zero_grad()
        model(torch.randn(3, 4)).square().sum().backward()
        optimizers.step()


def keep(folder: Path, model: Tied, optimizers: Optimizers, cursor: Cursor = CURSOR) -> Path:
    save_rng(folder, cursor.step, rank=0)
    return save(folder, cursor, model, optimizers, keep=2)


def test_what_is_loaded_goes_on_exactly_like_what_was_saved(tmp_path: Path) -> None:
    model, optimizers = trained(seed=1, steps=2)
    path = keep(tmp_path, model, optimizers)
    go_on(model, optimizers, 3)
    other, its_optimizers = trained(seed=5, steps=1)
    assert load(path, CURSOR, 0, other, its_optimizers) == CURSOR
    go_on(other, its_optimizers, 3)
    for (name, was), now in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(was, now), name


def test_a_checkpoint_holds_no_pickle(tmp_path: Path) -> None:
    path = keep(tmp_path, *trained(seed=1, steps=1))
    assert {p.suffix for p in path.iterdir()} == {".safetensors", ".json", ""}
    assert json.loads((path / "state.json").read_text())["step"] == 2


def test_only_the_newest_stay_and_order_is_by_number(tmp_path: Path) -> None:
    model, optimizers = trained(seed=1, steps=1)
    for step in (8, 9, 10, 11):
        keep(tmp_path, model, optimizers, replace(CURSOR, step=step))
    assert [p.name for p in checkpoints(tmp_path)] == ["step-10", "step-11"]


def test_a_folder_without_its_marker_is_no_checkpoint(tmp_path: Path) -> None:
    path = keep(tmp_path, *trained(seed=1, steps=1))
    (path / "READY").unlink()
    assert checkpoints(tmp_path) == []


def test_a_checkpoint_of_the_same_step_is_replaced(tmp_path: Path) -> None:
    keep(tmp_path, *trained(seed=1, steps=1))
    model, optimizers = trained(seed=2, steps=1)
    path = keep(tmp_path, model, optimizers)
    other, its_optimizers = trained(seed=3, steps=1)
    load(path, CURSOR, 0, other, its_optimizers)
    assert torch.equal(other.language_model.weight, model.language_model.weight)


@pytest.mark.parametrize(
    "changed",
    [{"steps": 10}, {"order": "x"}, {"data": "x"}, {"world": 2}],
    ids=["steps", "order", "data", "world"],
)
def test_another_run_s_checkpoint_is_refused(tmp_path: Path, changed: dict[str, int | str]) -> None:
    model, optimizers = trained(seed=1, steps=1)
    path = keep(tmp_path, model, optimizers)
    expected = replace(CURSOR, **changed)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"another {next(iter(changed))}"):
        load(path, expected, 0, model, optimizers)
