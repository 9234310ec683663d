"""Choosing samples by what became of their objects."""

from __future__ import annotations

from typing import Any

from console.runs.marks import chosen, counts, filters, is_unreadable
from console.runs.models import Sample


def sample(truth: list[str], said: list[str], note: str = "") -> Sample:
    def marked(marks: list[str]) -> list[dict[str, Any]]:
        return [{"desc": "x", "mark": mark} for mark in marks]

    return Sample(truth=marked(truth), prediction=marked(said), note=note)


GOOD = sample(["found"], ["found"])
BAD = sample(["found", "missed"], ["found", "duplicate", "invented"])
BROKEN = sample(["missed"], [], note="unreadable at character 3: no")
ALL = [GOOD, BAD, BROKEN]


def test_a_pair_counts_once_and_false_ones_together() -> None:
    found = counts(BAD)
    assert (found["found"], found["missed"], found["false"], found["duplicate"]) == (1, 1, 2, 1)


def test_each_filter_says_how_many_images_it_lets_through() -> None:
    numbers = {f.name: f.n for f in filters(ALL)}
    assert numbers == {
        "found": 2, "missed": 2, "false": 1, "duplicate": 1, "wrong_class": 0, "misplaced": 0,
        "invented": 1, "unreadable": 1,
    }
    for name, number in numbers.items():
        assert len(chosen(ALL, name)) == number
    assert chosen(ALL, "unreadable") == [BROKEN]


def test_samples_without_marks_have_no_filters_and_no_name_means_all() -> None:
    plain = Sample(truth=[{"desc": "x"}], prediction=[{"desc": "x"}], note="")
    assert filters([plain]) == []
    assert chosen([plain], "") == [plain]
    assert chosen([plain], "nonsense") == [plain]
    assert not is_unreadable(plain)
