"""However a batch is cut, over micro-batches or processes, the step is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlcore.train import job
from tests.support.training import (
    config_of,
    context,
    fusion_settings,
    metrics,
    sft_config,
    sft_settings,
    start_run,
)

FIGURES = ("loss", "loss_text", "grad_norm")


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, training_set: Path, tiny_checkpoint: Path
) -> dict[int, dict[str, float]]:
    """Metrics of a run whose batches are one forward pass of one process."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    job.run(sft_config(training_set, tiny_checkpoint), context(folder))
    return metrics(folder)


def assert_same(got: dict[int, dict[str, float]], expected: dict[int, dict[str, float]]) -> None:
    for name in FIGURES:
        assert got[1][name] == pytest.approx(expected[1][name], rel=1e-6), name
        # Rounding of the first updates grows through the later ones.
        for step in expected:
            assert got[step][name] == pytest.approx(expected[step][name], rel=1e-3), (step, name)


@pytest.mark.parametrize(("micro_batch", "packing"), [(1, "none"), (3, "length_grouped")])
def test_micro_batches_change_nothing(
    tmp_path: Path,
    training_set: Path,
    tiny_checkpoint: Path,
    whole: dict[int, dict[str, float]],
    micro_batch: int,
    packing: str,
) -> None:
    changes: dict[str, Any] = {"micro_batch": micro_batch, "packing": {"type": packing}}
    config = sft_config(training_set, tiny_checkpoint, **changes)
    job.run(config, context(tmp_path / "run"))
    assert_same(metrics(tmp_path / "run"), whole)


@pytest.mark.slow
@pytest.mark.parametrize(("micro_batch", "packing"), [(1, "packed"), (4, "none")])
def test_two_processes_change_nothing(
    tmp_path: Path,
    training_set: Path,
    tiny_checkpoint: Path,
    whole: dict[int, dict[str, float]],
    micro_batch: int,
    packing: str,
) -> None:
    changes: dict[str, Any] = {"micro_batch": micro_batch, "packing": {"type": packing}}
    changes["engine"] = {"type": "ddp", "processes": 2}
    settings = sft_settings(training_set, tiny_checkpoint, **changes)
    assert start_run(tmp_path / "run", settings).wait() == 0
    assert_same(metrics(tmp_path / "run"), whole)


TUNINGS: dict[str, dict[str, Any]] = {
    "full": {"type": "full"},
    "lora": {"type": "lora", "freeze_aligner": False, "rank": 4, "alpha": 8},
}


@pytest.mark.slow
@pytest.mark.parametrize("tuning", TUNINGS)
def test_weights_that_are_cut_learn_in_bfloat16_with_masters_what_whole_ones_learn(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, tuning: str
) -> None:
    changes: dict[str, Any] = {
        "steps": 2,
        "dtype": "bfloat16",
        "packing": {"type": "packed"},
        "tuning": TUNINGS[tuning],
        "evaluation": {"images": 2, "loss_images": 2, "max_new_tokens": 4},
    }
    settings = sft_settings(training_set, tiny_checkpoint, **changes)
    job.run(config_of(settings), context(tmp_path / "one"))
    settings["engine"] = {"type": "fsdp", "processes": 2}
    assert start_run(tmp_path / "two", settings).wait() == 0
    one, two = metrics(tmp_path / "one"), metrics(tmp_path / "two")
    for step in (1, 2):
        # Sums in bfloat16 have other last digits in another order.
        assert two[step]["loss"] == pytest.approx(one[step]["loss"], rel=2e-2), step
        assert two[step]["grad_norm"] == pytest.approx(one[step]["grad_norm"], rel=0.1), step
    assert two[2]["eval/loss"] == pytest.approx(one[2]["eval/loss"], rel=2e-2)


MIXED = ("loss", "loss/a", "samples/a", "samples/b", "augment/applied")


@pytest.mark.slow
def test_a_mixture_with_augmentation_is_the_same_on_two_processes(
    tmp_path: Path, training_set: Path, other_set: Path, tiny_checkpoint: Path
) -> None:
    changes: dict[str, Any] = {"batch_size": 8, "steps": 3}
    settings = fusion_settings(training_set, other_set, tiny_checkpoint, **changes)
    job.run(config_of(settings), context(tmp_path / "one"))
    changes["engine"] = {"type": "ddp", "processes": 2}
    settings = fusion_settings(training_set, other_set, tiny_checkpoint, **changes)
    assert start_run(tmp_path / "two", settings).wait() == 0
    one, two = metrics(tmp_path / "one"), metrics(tmp_path / "two")
    assert sorted(one) == sorted(two) == [1, 2, 3]
    for step, values in one.items():
        assert set(values) == set(two[step])
        for name in MIXED:
            assert two[step][name] == pytest.approx(values[name], rel=1e-3), (step, name)
