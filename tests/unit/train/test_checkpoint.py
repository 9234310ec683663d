"""Checkpoints are whole or absent, hold everything, and the newest few stay."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mlcore.errors import ConfigError
from mlcore.train.checkpoint import (
    Cursor,
    load,
    load_weights,
    save,
    save_rng,
    save_weights,
    trained_state,
)
from mlcore.train.config import CheckpointConfig, OptimConfig
from mlcore.train.engine import LocalEngine
from mlcore.train.optim import Optimizers
from mlcore.train.saving import Best, Saving, checkpoints, damage

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


def freeze_bias(model: Tied) -> None:
    model.language_model.bias.requires_grad = False


def trained(seed: int, steps: int) -> tuple[Tied, Optimizers]:
    torch.manual_seed(seed)
    model = Tied()
    optimizers = Optimizers(model, OptimConfig(optimizer="muon"))
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
    saving = Saving(CheckpointConfig(keep=2), steps=9)
    return save(folder, cursor, model, optimizers.tensors(), {}, saving)


def test_what_is_loaded_goes_on_exactly_like_what_was_saved(tmp_path: Path) -> None:
    model, optimizers = trained(seed=1, steps=2)
    path = keep(tmp_path, model, optimizers)
    go_on(model, optimizers, 3)
    other, its_optimizers = trained(seed=5, steps=1)
    assert load(path, CURSOR, LocalEngine(), other, its_optimizers) == CURSOR
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
    load(path, CURSOR, LocalEngine(), other, its_optimizers)
    assert torch.equal(other.language_model.weight, model.language_model.weight)


@pytest.mark.parametrize(
    "changed",
    [{"steps": 10}, {"order": "x"}, {"data": "x"}],
    ids=["steps", "order", "data"],
)
def test_another_run_s_checkpoint_is_refused(tmp_path: Path, changed: dict[str, int | str]) -> None:
    model, optimizers = trained(seed=1, steps=1)
    path = keep(tmp_path, model, optimizers)
    expected = replace(CURSOR, **changed)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"another {next(iter(changed))}"):
        load(path, expected, LocalEngine(), model, optimizers)


def test_another_number_of_ranks_goes_on_with_the_same_state_and_draws_of_its_own(
    tmp_path: Path,
) -> None:
    model, optimizers = trained(seed=1, steps=2)
    path = keep(tmp_path, model, optimizers, replace(CURSOR, world=2))
    drawn = []
    for _ in range(2):
        other, its_optimizers = trained(seed=5, steps=1)
        load(path, CURSOR, LocalEngine(), other, its_optimizers)
        assert torch.equal(other.language_model.weight, model.language_model.weight)
        for key, value in optimizers.tensors().items():
            assert torch.equal(its_optimizers.tensors()[key], value), key
        drawn.append(torch.rand(1).item())
    assert drawn[0] == drawn[1]


def test_every_file_is_known_by_its_digest(tmp_path: Path) -> None:
    path = keep(tmp_path, *trained(seed=1, steps=1))
    names = {"model.safetensors", "optim.safetensors", "rng-0.safetensors"}
    assert set(json.loads((path / "state.json").read_text())["files"]) == names
    assert damage(path) == ""


def test_frozen_weights_are_not_saved_and_not_missed(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = Tied()
    freeze_bias(model)
    optimizers = Optimizers(model, OptimConfig(optimizer="muon"))
    go_on(model, optimizers, 1)
    assert set(trained_state(model)) == {"language_model.weight"}
    path = keep(tmp_path, model, optimizers)
    torch.manual_seed(1)
    other = Tied()
    freeze_bias(other)
    load(path, CURSOR, LocalEngine(), other, Optimizers(other, OptimConfig(optimizer="muon")))
    assert torch.equal(other.language_model.weight, model.language_model.weight)


def test_weights_that_the_checkpoint_lacks_are_named(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = Tied()
    freeze_bias(model)
    path = keep(tmp_path, model, Optimizers(model, OptimConfig(optimizer="muon")))
    with pytest.raises(ConfigError, match=r"other weights: language_model\.bias"):
        load_weights(path, Tied())


def test_a_checkpoint_of_weights_is_what_the_publisher_writes(tmp_path: Path) -> None:
    def publish(model: Tied, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"weights")

    saving = Saving(CheckpointConfig(type="weights_only"), steps=9)
    path = save_weights(tmp_path, CURSOR, publish, Tied(), saving)
    assert {p.name for p in path.iterdir()} == {"model.safetensors", "state.json", "READY"}
    assert json.loads((path / "state.json").read_text())["type"] == "weights_only"


def test_a_checkpoint_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    def publish(model: Tied, folder: Path) -> None:
        (folder / "half").write_bytes(b"some")
        raise OSError(28, "No space left on device")

    whole = keep(tmp_path, *trained(seed=1, steps=1))
    with pytest.raises(OSError, match="No space"):
        save_weights(
            tmp_path, replace(CURSOR, step=3), publish, Tied(), Saving(CheckpointConfig(), 9)
        )
    assert list(tmp_path.iterdir()) == [whole]


def test_the_best_stays_beside_the_newest(tmp_path: Path) -> None:
    model, optimizers = trained(seed=1, steps=1)
    saving = Saving(CheckpointConfig(keep=1), steps=9)
    saving.best = Best(2, "eval/f1_50", 0.5)
    for step in (1, 2, 3, 4):
        save_rng(tmp_path, step, rank=0)
        save(tmp_path, replace(CURSOR, step=step), model, optimizers.tensors(), {}, saving)
    assert [p.name for p in checkpoints(tmp_path)] == ["step-2", "step-4"]
    assert json.loads((tmp_path / "best.json").read_text())["step"] == 2
