"""The engines of DeepSpeed: refused where they cannot work, and the same as one process.

What needs the package runs where it is installed; `make soak` finds it in an environment that
GATEHOUSE_DEEPSPEED_ENV names.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlcore.config.load import load_config
from mlcore.errors import ConfigError
from mlcore.run.exits import ExitCode
from mlcore.run.folder import write_json
from mlcore.train import job
from mlcore.train.launch import launch
from tests.support.training import config_of, context, metrics, sft_config, sft_settings, start_run
from tests.unit.train.test_engines_equal import LORA, ON_POLICY, assert_near, settings_of
from tests.unit.train.test_ranks import LONG, children_of, errors_of, wait_until
from tests.unit.train.test_resume import LOOKS, TEN, WEIGHTS, kill_after
from tests.unit.train.test_training_recipes import FOLDER, SMALL

ENGINES = ("zero2", "zero3")
ADAMW = {"optimizer": "adamw", "lr": 1e-4, "eps": 1e-6, "warmup_steps": 0}
LIMIT = 1e-5
WIDE_LORA = {**LORA, "freeze_vit": False}
"""the recipes give every part a rate"""


def spread(type_: str) -> dict[str, Any]:
    return {"type": type_, "processes": 2}


def needs_deepspeed(test: Any) -> Any:
    """Slow, and skipped with the reason where the package is not."""
    lacking = importlib.util.find_spec("deepspeed") is None
    reason = "DeepSpeed is not installed (requirements-deepspeed.txt)"
    return pytest.mark.slow(pytest.mark.skipif(lacking, reason=reason)(test))


@pytest.mark.parametrize("engine", ENGINES)
def test_without_the_package_a_run_ends_before_it_begins_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    config = sft_config(tmp_path, engine=spread(engine), optim=ADAMW)
    with pytest.raises(ConfigError, match=f"engine {engine} needs the package deepspeed") as caught:
        job.run(config, context(tmp_path / "run"))
    assert "requirements-deepspeed.txt" in caught.value.hint


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"optim": {"optimizer": "muon"}}, "write adamw, or use engine fsdp"),
        ({"tuning": {"type": "adalora"}, "steps": 400}, "use engine ddp"),
        ({"dtype": "bfloat16", "master_dtype": "bfloat16"}, "leave master_dtype at float32"),
    ],
)
def test_what_zero_cannot_train_is_refused_with_what_to_write(
    tmp_path: Path, engine: str, changes: dict[str, Any], hint: str
) -> None:
    settings = {"optim": ADAMW, **changes, "engine": spread(engine)}
    with pytest.raises(ValidationError, match=hint):
        sft_config(tmp_path, **settings)


@pytest.fixture(scope="module")
def distances(
    tmp_path_factory: pytest.TempPathFactory, training_set: Path, tiny_checkpoint: Path
) -> dict[str, Any]:
    """How far two ranks are from one process; DeepSpeed has float32 weights only."""
    ctx = context(tmp_path_factory.mktemp("equal") / "run")

    def case(**changes: Any) -> Any:
        settings = settings_of(training_set, tiny_checkpoint, optim=ADAMW, **changes)
        return settings, ["float32"], ENGINES

    cases = {
        "full": case(),
        "lora": case(tuning=LORA),
        "distill": case(distill=ON_POLICY, steps=1, batch_size=4),
    }
    write_json(ctx.folder.resolved_config, cases)
    return dict(launch(ctx, tiny_checkpoint, 2, "tests.support.equal_ranks"))


@needs_deepspeed
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", ["full", "lora", "distill"])
def test_two_ranks_learn_see_and_keep_what_one_process_does(
    distances: dict[str, Any], engine: str, case: str
) -> None:
    found = distances[f"{case}/{engine}/float32"]
    assert_near(found, LIMIT)
    assert (found["look"], found["answers"], found["names"]) == (True, 3, True)


@needs_deepspeed
@pytest.mark.parametrize("engine", ENGINES)
def test_a_killed_run_goes_on_bit_for_bit(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, engine: str
) -> None:
    changes = {"engine": spread(engine), "optim": ADAMW, **TEN, **LOOKS}
    settings = sft_settings(training_set, tiny_checkpoint, **changes)
    assert start_run(tmp_path / "whole", settings).wait() == 0
    kill_after(tmp_path / "parts", settings, "step-5")
    assert start_run(tmp_path / "parts", settings, "--resume").wait() == 0
    whole, parts = (tmp_path / name / WEIGHTS for name in ("whole", "parts"))
    assert parts.read_bytes() == whole.read_bytes()
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")


@needs_deepspeed
@pytest.mark.parametrize("engine", ENGINES)
def test_a_killed_rank_ends_the_run_by_name(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, engine: str
) -> None:
    changes = {**LONG, "engine": spread(engine), "optim": ADAMW}
    process = start_run(tmp_path / "run", sft_settings(training_set, tiny_checkpoint, **changes))
    try:
        wait_until(lambda: len(metrics(tmp_path / "run")) >= 2, process)
        ranks = {p.environ().get("RANK"): p for p in children_of(process)}
        ranks["1"].kill()
        assert process.wait() == ExitCode.INFRA
    finally:
        process.kill()
    assert errors_of(tmp_path / "run")[0]["message"] == "rank 1 was killed by signal 9"


@needs_deepspeed
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"dtype": "bfloat16"},
        {"dtype": "bfloat16", "tuning": WIDE_LORA, "gradient_checkpointing": True},
    ],
    ids=["as it is", "bfloat16", "bfloat16 adapters, activations again"],
)
def test_a_recipe_takes_two_steps(
    name: str, changes: dict[str, Any], training_set: Path, tmp_path: Path
) -> None:
    settings = {**load_config(FOLDER / f"{name}.yaml").resolved, **SMALL, **changes}
    datasets = {"dataset:cabinets-b@1": training_set}
    ctx = replace(context(tmp_path), bindings=datasets)
    # The ranks read what the command writes before a run.
    write_json(ctx.folder.resolved_config, {**settings, "sha256": ""})
    report = job.run(config_of(settings), ctx)
    told = metrics(tmp_path)
    assert told[1]["grad_norm"] > 0
    assert told[2]["loss"] == pytest.approx(report["figures"]["train/loss"])
    adapts = settings["tuning"]["type"] == "lora"
    assert (tmp_path / "artifacts" / ("adapter" if adapts else "model")).is_dir()
