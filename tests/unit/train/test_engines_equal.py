"""However the work is spread over micro-batches and processes, what is learned is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlcore.run.folder import write_json
from mlcore.train.engine import LocalEngine
from mlcore.train.launch import launch
from tests.support.equal_ranks import DTYPES, differences, prepared_of, trained
from tests.support.training import config_of, context, sft_settings

ENGINES = ("ddp", "fsdp")
LIMITS = {"float64": 1e-9, "float32": 1e-5}
EVERY_TERM = {
    "ce_weight": 0.5,
    "soft_ce_weight": 1.0,
    "w1_weight": 2.0,
    "gate_weight": 0.7,
    "text_gate_weight": 0.3,
}
PACKED = {"type": "packed", "row_tokens": 128}
"""two samples in a row"""
PADDED = {"type": "none"}
NO_LOOK = {"images": 0, "loss_images": 0}
LORA = {"type": "lora", "freeze_aligner": False, "rank": 4, "alpha": 8, "coord_offset": True}
ON_POLICY = {
    "teacher": "stands beside the start",
    "lmbda": 1.0,
    "max_completion_length": 6,
    "vision": {"vit": {"weight": 0.5}, "aligner": {"weight": 0.5, "distance": "cosine"}},
}


def settings_of(dataset: Path, model: Path, **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "steps": 2,
        "batch_size": 8,
        "micro_batch": 1,
        "global_max_length": 128,
        "packing": PACKED,
        "coord_loss": EVERY_TERM,
        "optim": {"optimizer": "muon", "lr": 1e-4, "muon_lr": 1e-3, "eps": 1e-6, "warmup_steps": 0},
        "evaluation": {"images": 3, "samples": 3, "max_new_tokens": 6},
    }
    return sft_settings(dataset, model, **{**base, **changes})


@pytest.fixture(scope="module")
def distances(
    tmp_path_factory: pytest.TempPathFactory, training_set: Path, tiny_checkpoint: Path
) -> dict[str, Any]:
    """How far two ranks of every engine are from one process, after steps on both tasks, several
    packed rows each, the last of them without images on one rank."""
    ctx = context(tmp_path_factory.mktemp("equal") / "run")

    def case(*formats: str, **changes: Any) -> Any:
        return settings_of(training_set, tiny_checkpoint, **changes), formats, ENGINES

    cases = {
        "full": case("float64", "float32"),
        "lora": case("float64", tuning=LORA),
        "distill": case("float64", distill=ON_POLICY, steps=1, batch_size=4),
    }
    write_json(ctx.folder.resolved_config, cases)
    return dict(launch(ctx, tiny_checkpoint, 2, "tests.support.equal_ranks"))


def assert_near(found: dict[str, Any], limit: float) -> None:
    for what in ("figures", "weights", "state"):
        assert found[what] <= limit, (what, found)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_two_ranks_learn_what_one_process_learns_with_every_term_of_the_loss(
    distances: dict[str, Any], engine: str, dtype: str
) -> None:
    assert_near(distances[f"full/{engine}/{dtype}"], LIMITS[dtype])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", ["lora", "distill"])
def test_adapters_and_the_words_of_a_teacher_are_learned_alike(
    distances: dict[str, Any], engine: str, case: str
) -> None:
    assert_near(distances[f"{case}/{engine}/float64"], LIMITS["float64"])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_look_shared_among_ranks_has_the_figures_and_samples_of_one_process(
    distances: dict[str, Any], engine: str
) -> None:
    for case in ("full", "lora", "distill"):
        found = distances[f"{case}/{engine}/float64"]
        assert (found["look"], found["answers"]) == (True, 3), case


@pytest.mark.parametrize("engine", ENGINES)
def test_the_state_of_a_checkpoint_is_the_same_for_every_engine(
    distances: dict[str, Any], engine: str
) -> None:
    assert distances[f"full/{engine}/float64"]["names"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_eight_micro_batches_of_one_learn_what_one_of_eight_learns(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, dtype: str
) -> None:
    def learned(**changes: Any) -> dict[str, Any]:
        settings = settings_of(training_set, tiny_checkpoint, evaluation=NO_LOOK, **changes)
        config = config_of(settings)
        prepared = prepared_of(config, tiny_checkpoint, context(tmp_path / "data"))
        return trained(LocalEngine(), config, tiny_checkpoint, prepared, DTYPES[dtype])

    whole = learned(micro_batch=8, packing=PADDED)
    for packing in (PADDED, PACKED):
        found = differences(learned(micro_batch=1, packing=packing), whole)
        assert_near(found, LIMITS[dtype])
