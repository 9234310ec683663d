from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from mlcore.config.base import RUNTIME, DatasetRef, PredictionsRef, StrictModel
from mlcore.config.compose import Source, compose, open_beside
from mlcore.config.load import load_config, load_model, load_text
from mlcore.config.overrides import apply_inputs, apply_overrides, inputs_of
from mlcore.errors import ConfigError


class Gaussian(StrictModel):
    type: Literal["gaussian"]
    sigma: float = Field(default=1.0, gt=0)


class Plain(StrictModel):
    type: Literal["plain"]


class Optim(StrictModel):
    learning_rate: float = 1e-3
    steps: int = Field(default=10, ge=1, json_schema_extra=RUNTIME)


class Demo(StrictModel):
    name: str
    optim: Optim = Optim()
    losses: list[Annotated[Gaussian | Plain, Field(discriminator="type")]] = []
    data: DatasetRef = "builtin:x"
    systems: dict[str, PredictionsRef] = {}
    mode: Literal["dense", "summary"] = "dense"


def load(tmp_path: Path, text: str) -> Demo:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    return load_model(path, Demo)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    return [str(p).removeprefix(f"{tmp_path}/") for p in caught.value.problems]


def test_all_problems_come_at_once_with_line_column_and_a_suggestion(tmp_path: Path) -> None:
    text = """name: x
optim:
  learning_rte: 0.1
  steps: "3"
losses:
  - type: gaussian
    sigm: 2
  - type: gausian
mode: dens
mode: dense
"""
    assert problems(tmp_path, text) == [
        "c.yaml:10:1: mode: duplicate key, first on line 9",
        "c.yaml:3:3: optim.learning_rte: unknown key, did you mean 'learning_rate'?",
        "c.yaml:4:3: optim.steps: input should be a valid integer, got '3'",
        "c.yaml:7:5: losses.0.sigm: unknown key, did you mean 'sigma'?",
        "c.yaml:8:5: losses.1: 'gausian' is not one of gaussian, plain, did you mean 'gaussian'?",
        "c.yaml:9:1: mode: 'dens' is not one of dense, summary, did you mean 'dense'?",
    ]


class FromCheckpoint(StrictModel):
    type: Literal["checkpoint"]
    checkpoint: str = Field(min_length=1)


class Start(StrictModel):
    model: Annotated[FromCheckpoint | Plain, Field(discriminator="type")]


def test_a_tag_that_is_also_a_field_name_is_not_taken_for_it(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("model:\n  type: checkpoint\n  checkpoint: ''\n  chekpoint: x\n")
    with pytest.raises(ConfigError) as caught:
        load_model(path, Start)
    assert [(p.line, p.path) for p in caught.value.problems] == [
        (3, "model.checkpoint"),
        (4, "model.chekpoint"),
    ]


def test_a_duplicate_key_does_not_hide_the_wrong_type_of_its_first_value(tmp_path: Path) -> None:
    found = problems(
        tmp_path, "name: x\noptim: {steps: a}\noptim: {steps: 2}\nmode: 3\nmode: dense\n"
    )
    assert [row.split(": ")[1] for row in found] == ["optim", "mode", "optim.steps", "mode"]


def test_a_missing_key_is_reported_where_its_section_stands(tmp_path: Path) -> None:
    assert problems(tmp_path, "mode: dense\n") == ["c.yaml:1:1: name: required key is missing"]


def test_a_bound_is_named_with_the_value(tmp_path: Path) -> None:
    found = problems(tmp_path, "name: x\noptim: {steps: 0}\n")
    assert found == ["c.yaml:2:9: optim.steps: input should be greater than or equal to 1, got 0"]


def test_a_child_overrides_its_parent_key_by_key(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("name: base\noptim: {learning_rate: 0.5, steps: 7}\n")
    config = load(tmp_path, "extends: base.yaml\noptim: {steps: 8}\n")
    assert (config.name, config.optim.learning_rate, config.optim.steps) == ("base", 0.5, 8)


def test_a_section_of_another_type_replaces_its_parent_whole(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("a: {type: gaussian, sigma: 2}\nb: {x: 1}\n")
    child = Source(str(tmp_path / "c.yaml"), "extends: base.yaml\na: {type: plain}\nb: {y: 2}\n")
    composed = compose(child, open_beside)
    assert composed.data == {"a": {"type": "plain"}, "b": {"x": 1, "y": 2}}
    assert str(composed.positions[("b", "x")]).endswith("base.yaml:2")
    assert str(composed.positions[("b", "y")]).endswith("c.yaml:3")
    assert ("a", "sigma") not in composed.positions


def test_a_circle_of_extends_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: c.yaml\n")
    found = problems(tmp_path, "extends: a.yaml\nname: x\n")
    assert len(found) == 1
    assert "extends itself" in found[0]


def test_a_missing_parent_is_named_at_the_extends_line(tmp_path: Path) -> None:
    found = problems(tmp_path, "name: x\nextends: nowhere.yaml\n")
    assert found == ["c.yaml:2:1: extends: cannot read nowhere.yaml: No such file or directory"]


def test_a_recipe_name_cannot_leave_the_recipe_folder(tmp_path: Path) -> None:
    found = problems(tmp_path, "name: x\nextends: recipe:../../pyproject.toml\n")
    assert "a recipe's name cannot leave the recipe folder" in found[0]


def test_an_error_in_a_parent_names_the_parent_file(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("name: base\nmod: dense\n")
    found = problems(tmp_path, "extends: base.yaml\n")
    assert found == ["base.yaml:2:1: mod: unknown key, did you mean 'mode'?"]


def test_inputs_are_found_with_their_type_and_path(tmp_path: Path) -> None:
    config = load(tmp_path, "name: x\ndata: dataset:a@1\nsystems: {base: run:R1/predictions}\n")
    found = [(use.path, use.type, use.ref) for use in inputs_of(config)]
    assert found == [
        ("data", "dataset", "dataset:a@1"),
        ("systems.base", "predictions", "run:R1/predictions"),
    ]


def test_set_takes_only_runtime_keys() -> None:
    composed = compose(Source("c.yaml", "name: x\n"), open_beside)
    found = apply_overrides(composed, Demo, ["optim.steps=5", "optim.learning_rate=1", "nope"])
    assert composed.data["optim"] == {"steps": 5}
    assert [(p.path, p.message) for p in found] == [
        (
            "optim.learning_rate",
            "cannot be set from outside: only keys marked runtime can; edit the config",
        ),
        ("nope", "must be written as key.path=value"),
    ]


def test_inputs_go_only_to_input_fields() -> None:
    composed = compose(Source("c.yaml", "name: x\n"), open_beside)
    found = apply_inputs(
        composed, Demo, {"data": "run:R/dataset", "systems.a": "run:R/p", "name": "x"}
    )
    assert composed.data["data"] == "run:R/dataset"
    assert composed.data["systems"] == {"a": "run:R/p"}
    assert [p.path for p in found] == ["name"]


def test_an_unknown_kind_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError) as caught:
        load_text("kind: sfte\n")
    assert caught.value.problems[0].message == "'sfte' is not a job kind, did you mean 'sft'?"


def test_a_file_that_is_not_text_is_a_config_problem(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert "is not UTF-8 text" in caught.value.problems[0].message
