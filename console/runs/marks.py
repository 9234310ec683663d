"""The geometry diff of samples: what became of each object, and images chosen by it.

An evaluation marks the objects of its samples; those of training and prediction have no marks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from console.runs.models import Sample

FALSE = ("duplicate", "wrong_class", "misplaced", "invented")
"""marks of predicted objects without a partner"""


@dataclass(frozen=True)
class Filter:
    """One way to choose images, and the objects that are then drawn; `n` images have some."""

    name: str
    title: str
    hint: str
    n: int


def is_unreadable(sample: Sample) -> bool:
    """Whether the answer could not be read."""
    return str(sample.note).startswith("unreadable")


def counts(sample: Sample) -> Counter[str]:
    """How many objects of a sample have each mark; a pair counts once."""
    found = Counter(str(o["mark"]) for o in sample.truth if o.get("mark") == "missed")
    found.update(str(o["mark"]) for o in sample.prediction if o.get("mark"))
    found["false"] = sum(found[mark] for mark in FALSE)
    return found


def _words() -> dict[str, tuple[str, str]]:
    return {
        "found": (_("Found"), _("true and predicted objects that are a pair (TP)")),
        "missed": (_("Missed"), _("true objects without a partner (FN)")),
        "false": (_("False"), _("predicted objects without a partner, of any kind (FP)")),
        "duplicate": (_("Duplicate"), _("predicted again: the true object has a partner already")),
        "wrong_class": (_("Wrong class"), _("in the place of a true object of another class")),
        "misplaced": (_("Misplaced"), _("touches a true object of its class, but too little")),
        "invented": (_("Invented"), _("nothing of the kind is there")),
        "unreadable": (_("Unreadable"), _("the whole answer is refused by the grammar")),
    }


def filters(samples: Sequence[Sample]) -> list[Filter]:
    """The filters of samples with marks; none where no object has one."""
    rows = [counts(sample) for sample in samples]
    if not any(row.total() for row in rows):
        return []
    has: dict[str, int] = {name: sum(row[name] > 0 for row in rows) for name in _words()}
    has["unreadable"] = sum(is_unreadable(sample) for sample in samples)
    return [Filter(name, *words, has[name]) for name, words in _words().items()]


def chosen(samples: Sequence[Sample], name: str) -> list[Sample]:
    """The samples that a filter lets through; all for a name that is none."""
    if name not in _words():
        return list(samples)
    test: Callable[[Sample], Any] = is_unreadable
    if name != "unreadable":
        test = lambda sample: counts(sample)[name]  # noqa: E731
    return [sample for sample in samples if test(sample)]
