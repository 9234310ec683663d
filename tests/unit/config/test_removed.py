"""A key of older configs is refused with what to write instead, at its place in the file."""

from __future__ import annotations

from typing import ClassVar

import pytest
from pydantic import ValidationError

from mlcore.config.base import StrictModel
from mlcore.config.explain import explain
from mlcore.config.yaml_tree import read_yaml


class Leaf(StrictModel):
    removed: ClassVar[dict[str, str]] = {"colour": "write `hue`"}
    hue: int = 0


class Tree(StrictModel):
    leaves: list[Leaf]


def sentences(text: str) -> list[str]:
    tree = read_yaml(text, "tree.yaml")
    with pytest.raises(ValidationError) as caught:
        Tree.model_validate(tree.data)
    return [str(problem) for problem in explain(caught.value, Tree, tree.positions)]


def test_an_old_key_says_what_to_write_and_where_it_stands() -> None:
    assert sentences("leaves:\n  - hue: 1\n  - colour: red\n") == [
        "tree.yaml:3:5: leaves.1.colour: is not a key here: write `hue`"
    ]


def test_an_unknown_key_still_gets_its_neighbours() -> None:
    assert sentences("leaves: [{huge: 1}]\n")[0].endswith("unknown key, did you mean 'hue'?")
