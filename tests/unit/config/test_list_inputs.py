"""Inputs inside lists: found, counted and replaced like any other, one item at a time."""

from __future__ import annotations

import pytest

from console.web.yaml_edit import UnreadableTextError, values_of, with_value
from mlcore.config.load import load_text
from mlcore.config.overrides import inputs_of
from mlcore.errors import ConfigError

TEXT = """\
kind: sft
model: {type: checkpoint, checkpoint: "model:base@1"}
data:
  type: fusion
  targets:
    - {name: a, dataset: "dataset:a@1"}  # the first
  sources:
    - {name: b, dataset: "dataset:b@1", ratio: 0.5}
    - {name: c, dataset: "dataset:c@1", quota: 3}
"""


def test_every_dataset_of_a_mixture_is_an_input_of_the_run() -> None:
    uses = inputs_of(load_text(TEXT).model)
    assert [(use.path, use.type, use.ref) for use in uses] == [
        ("model.checkpoint", "model", "model:base@1"),
        ("data.targets.0.dataset", "dataset", "dataset:a@1"),
        ("data.sources.0.dataset", "dataset", "dataset:b@1"),
        ("data.sources.1.dataset", "dataset", "dataset:c@1"),
    ]


def test_an_input_of_an_item_is_replaced_and_its_neighbours_stay() -> None:
    loaded = load_text(TEXT, inputs={"data.sources.1.dataset": "dataset:z@2"})
    refs = [use.ref for use in inputs_of(loaded.model)]
    assert refs == ["model:base@1", "dataset:a@1", "dataset:b@1", "dataset:z@2"]
    assert loaded.provenance["data.sources"] == "config.yaml:7"


def test_an_item_that_is_not_there_is_no_place_for_an_input() -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(TEXT, inputs={"data.sources.2.dataset": "dataset:z@2"})
    assert [(p.file, p.path, p.message) for p in caught.value.problems] == [
        ("(inputs)", "data.sources.2.dataset", "the list has no item 2")
    ]


def test_the_text_is_edited_inside_its_lists_with_comments_kept() -> None:
    text = with_value(TEXT, "data.targets.0.dataset", "dataset:z@2")
    assert values_of(text)["data"]["targets"] == [{"name": "a", "dataset": "dataset:z@2"}]
    assert "# the first" in text
    with pytest.raises(UnreadableTextError, match="no item 3"):
        with_value(TEXT, "data.targets.3.dataset", "x")
