"""Every metric is declared once, and a name finds its own declaration."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from mlcore import cli
from mlcore.metrics import METRICS, Direction, Reduction, UndeclaredMetricError, find, unit_of
from mlcore.run.exits import ExitCode


def test_no_name_is_declared_twice() -> None:
    assert [name for name, n in Counter(m.name for m in METRICS).items() if n > 1] == []


def test_every_declaration_is_whole() -> None:
    for metric in METRICS:
        assert metric.reduction in get_args(Reduction), metric
        assert metric.direction in get_args(Direction), metric
        assert metric.about, metric


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("train/loss", "train/loss"),
        ("eval/loss/screws.v2", "eval/loss/{dataset}"),
        ("train/token_acc", "train/token_acc"),
        ("train/bbu_dense_token_acc", "train/{dataset}_token_acc"),
        ("train/bbu_coord_token_acc", "train/{dataset}_{type}_token_acc"),
        ("eval/my-set_format_token_acc", "eval/{dataset}_{type}_token_acc"),
        ("augment/skipped/no_place", "augment/skipped/{reason}"),
    ],
)
def test_a_name_finds_the_nearest_declaration(name: str, declared: str) -> None:
    assert find(name).name == declared


@pytest.mark.parametrize("name", ["loss", "train/los", "eval/loss/a b", "train/loss/", "test/loss"])
def test_another_name_is_refused_and_the_file_to_write_it_in_is_named(name: str) -> None:
    with pytest.raises(UndeclaredMetricError, match=name) as caught:
        find(name)
    assert "declared.py" in caught.value.hint
    assert unit_of(name) == ""


def test_the_command_line_says_what_a_figure_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["metrics", "eval/bbu_coord_token_acc"]) == 0
    assert "eval/{dataset}_{type}_token_acc" in capsys.readouterr().out
    assert cli.main(["metrics"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(METRICS)
    assert cli.main(["metrics", "nonsense"]) == ExitCode.CONFIG
    assert "'nonsense' is not declared" in capsys.readouterr().err
