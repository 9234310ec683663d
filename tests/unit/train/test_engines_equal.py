"""However the work is spread over processes, what is learned is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlcore.run.folder import write_json
from mlcore.train.launch import launch
from tests.support.training import context, sft_settings

ENGINES = ({"type": "ddp"}, {"type": "fsdp"})
LIMITS = {"float64": 1e-9, "float32": 1e-5}


@pytest.fixture(scope="module")
def distances(
    tmp_path_factory: pytest.TempPathFactory, training_set: Path, tiny_checkpoint: Path
) -> dict[str, Any]:
    """How far two ranks of every engine are from one process, after steps on both tasks, in
    micro-batches, the last of them without images on one rank."""
    ctx = context(tmp_path_factory.mktemp("equal") / "run")
    settings = sft_settings(
        training_set,
        tiny_checkpoint,
        steps=2,
        micro_batch=1,
        optim={"lr": 1e-4, "muon_lr": 1e-3, "eps": 1e-6, "warmup_steps": 0},
    )
    write_json(ctx.folder.resolved_config, {**settings, "engines": ENGINES})
    return dict(launch(ctx, tiny_checkpoint, 2, "tests.support.equal_ranks"))


@pytest.mark.parametrize("engine", ["ddp", "fsdp"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_two_ranks_learn_what_one_process_learns(
    distances: dict[str, Any], engine: str, dtype: str
) -> None:
    found = distances[f"{engine}/{dtype}"]
    for what in ("figures", "weights", "state"):
        assert found[what] <= LIMITS[dtype], (what, found)


@pytest.mark.parametrize("engine", ["ddp", "fsdp"])
def test_the_state_of_a_checkpoint_is_the_same_for_every_engine(
    distances: dict[str, Any], engine: str
) -> None:
    assert distances[f"{engine}/float64"]["names"]
