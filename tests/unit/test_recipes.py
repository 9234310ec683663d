"""Every YAML that is shipped is read by the code that will read it."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlcore.augment.load import load_augmentation
from mlcore.config.load import load_config, load_text
from mlcore.gates.policy import load_policy

ROOT = Path(__file__).resolve().parents[2] / "mlcore"
PARTS = sorted(ROOT.glob("recipes/parts/*.yaml"))
RECIPES = sorted({*ROOT.glob("recipes/**/*.yaml")} - {*PARTS})
POLICIES = sorted(ROOT.glob("gates/policies/*.yaml"))


def test_there_are_recipes_and_policies() -> None:
    assert RECIPES
    assert POLICIES


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_shipped_recipe_is_a_valid_config(path: Path) -> None:
    assert load_config(path).kind


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_resolved_recipe_is_a_config_that_means_the_same(path: Path) -> None:
    loaded = load_config(path)
    again = load_text(json.dumps(loaded.resolved, ensure_ascii=False))
    assert again.sha256 == loaded.sha256


@pytest.mark.parametrize("path", PARTS, ids=lambda p: p.name)
def test_a_shipped_part_is_a_valid_augmentation(path: Path) -> None:
    assert load_augmentation(f"recipe:parts/{path.name}") == load_augmentation(str(path))


@pytest.mark.parametrize("path", POLICIES, ids=lambda p: p.name)
def test_a_shipped_policy_is_valid(path: Path) -> None:
    policy, _ = load_policy(path.stem, Path)
    assert policy.checks


def test_no_other_yaml_lies_in_the_library() -> None:
    everything = {p for p in ROOT.rglob("*.y*ml") if p.is_file()}
    assert everything == {*RECIPES, *PARTS, *POLICIES}
