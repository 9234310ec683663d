"""A resolved config with the origin of each value, and two compared by what they really say."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.config.load import LoadedConfig, load_config
from mlcore.config.show import Difference, differences, rows

PARENT = """\
kind: sft
model: {type: scratch}
data: {dataset: d}
steps: 9
optim:
  lr: 1.0e-3
"""


def loaded(folder: Path, text: str, *overrides: str, name: str = "a.yaml") -> LoadedConfig:
    (folder / "parent.yaml").write_text(PARENT, encoding="utf-8")
    (folder / name).write_text(text, encoding="utf-8")
    return load_config(folder / name, overrides)


def test_each_value_says_which_file_and_line_it_comes_from(tmp_path: Path) -> None:
    config = loaded(tmp_path, "extends: parent.yaml\nkind: sft\nsteps: 3\n", "micro_batch=2")
    origins = {row.path: row.origin for row in rows(config)}
    assert origins["steps"] == f"{tmp_path / 'a.yaml'}:3"
    assert origins["optim.lr"] == f"{tmp_path / 'parent.yaml'}:6"
    assert origins["optim.clip"] == "default"
    assert origins["micro_batch"] == "--set"


def test_values_inside_a_list_of_sections_have_a_line_of_their_own(tmp_path: Path) -> None:
    text = """\
kind: sft
model: {type: scratch}
data:
  type: fusion
  targets:
    - name: one
      dataset: d
"""
    origins = {row.path: row.origin for row in rows(loaded(tmp_path, text))}
    assert origins["data.targets.0.name"].endswith("a.yaml:6")
    assert origins["data.targets.0.split"] == "default"


def test_a_section_set_from_outside_is_told_whole(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        "extends: parent.yaml\nengine: {type: local}\n",
        "engine={type: ddp, processes: 2}",
    )
    origins = {row.path: row.origin for row in rows(config)}
    assert (origins["engine.type"], origins["engine.processes"]) == ("--set", "--set")


def compared(folder: Path, a: str, b: str) -> dict[str, Difference]:
    first, second = loaded(folder, a), loaded(folder, b, name="b.yaml")
    return {row.path: row for row in differences(first, second)}


def test_a_default_that_is_written_out_is_no_difference(tmp_path: Path) -> None:
    b = "extends: parent.yaml\nbatch_size: 16\noptim: {lr: 0.001}\n"
    assert compared(tmp_path, "extends: parent.yaml\n", b) == {}


def test_a_difference_tells_both_sides_and_whether_it_is_a_runtime_key(tmp_path: Path) -> None:
    b = "extends: parent.yaml\nsteps: 4\nmicro_batch: 1\n"
    found = compared(tmp_path, "extends: parent.yaml\n", b)
    assert list(found) == ["steps", "micro_batch"]
    steps = found["steps"]
    assert steps.a is not None
    assert steps.b is not None
    assert (steps.a.value, steps.b.value, steps.runtime) == (9, 4, False)
    assert found["micro_batch"].runtime


def test_a_section_that_only_one_has_is_one_difference(tmp_path: Path) -> None:
    b = "extends: parent.yaml\nmodel: {type: checkpoint, checkpoint: m}\n"
    found = compared(tmp_path, "extends: parent.yaml\n", b)
    assert found.keys() >= {"model.type", "model.recipe", "model.checkpoint"}
    assert not any(path.startswith("model.recipe.") for path in found)
    assert found["model.recipe"].b is None


@pytest.mark.parametrize("change", ["", "steps: 5\n"])
def test_a_config_never_differs_from_itself(tmp_path: Path, change: str) -> None:
    text = f"extends: parent.yaml\n{change}"
    assert compared(tmp_path, text, text) == {}
