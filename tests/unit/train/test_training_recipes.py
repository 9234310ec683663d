"""Every recipe of training takes two steps: on a small dataset and the shipped checkpoint.

A recipe is tried because it lies in the folder. One that needs what this process cannot be (several
processes, another package) has a test of its own and is named in ELSEWHERE.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlcore.config.load import load_config
from mlcore.train.job import run
from tests.support.training import config_of, context, metrics

FOLDER = Path(__file__).resolve().parents[3] / "mlcore" / "recipes" / "training"
RECIPES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
ELSEWHERE = {"zero2", "zero3"}
"""recipes that are tried where their engine is"""
QUICK = {"aligner-whole", "adalora", "fusion-metrics"}
"""those that every run of the suite tries; the others differ in one word from one of them"""
SMALL: dict[str, Any] = {
    "steps": 2,
    "batch_size": 2,
    "micro_batch": 2,
    "log_every": 1,
    "device": "cpu",
    "evaluation": {"every_steps": 2, "images": 0, "loss_images": 2},
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
        for name in RECIPES
        if name not in ELSEWHERE
    ],
)
def test_a_recipe_takes_two_steps(
    name: str, training_set: Path, other_set: Path, tmp_path: Path
) -> None:
    settings = load_config(FOLDER / f"{name}.yaml").resolved
    datasets = {"dataset:cabinets-a@1": other_set, "dataset:cabinets-b@1": training_set}
    ctx = replace(context(tmp_path), bindings=datasets)
    report = run(config_of({**settings, **SMALL}), ctx)
    told = metrics(tmp_path)
    assert all(math.isfinite(told[step]["loss"]) for step in (1, 2))
    assert told[1]["grad_norm"] > 0
    full = settings["tuning"]["type"] == "full"
    assert (tmp_path / "artifacts" / ("model" if full else "adapter")).is_dir()
    assert report["tuning"] == settings["tuning"]["type"]


def test_the_recipes_are_the_ones_that_the_page_lists() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [name for name in RECIPES if f"`{name}`" not in page] == []
