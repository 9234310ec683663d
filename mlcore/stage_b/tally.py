"""Counts of verdicts against labels. Pass is the positive class.

fp = passed though the label is fail (a false release), fn = failed though the label is pass (a
false block).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mlcore.stage_b.rows import Rates
from mlcore.stage_b.ticket import Verdict


@dataclass(frozen=True)
class Confusion:
    """Verdicts against labels. `none_pass` and `none_fail` are tickets without a verdict by
    label: nobody was released or blocked by these."""

    tp: int = 0
    fp: int = 0
    tn: int = 0
    fn: int = 0
    none_pass: int = 0
    none_fail: int = 0

    @property
    def n(self) -> int:
        return self.tp + self.fp + self.tn + self.fn + self.none_pass + self.none_fail

    @property
    def label_match(self) -> float | None:
        return (self.tp + self.tn) / self.n if self.n else None

    @property
    def false_release(self) -> float | None:
        """fp / (tp + fp): of what was passed, what a person had failed."""
        return self.fp / (self.tp + self.fp) if self.tp + self.fp else None

    @property
    def false_block(self) -> float | None:
        """fn / (tn + fn): of what was failed, what a person had passed."""
        return self.fn / (self.tn + self.fn) if self.tn + self.fn else None

    def rates(self) -> Rates:
        """As metrics.jsonl writes them: no verdict counts as the mistake of its label."""
        return Rates(
            acc=self.label_match, fn=self.fn + self.none_pass, fp=self.fp + self.none_fail, n=self.n
        )


def confusion(pairs: Iterable[tuple[Verdict | None, Verdict]]) -> Confusion:
    """Counts of (verdict, label)."""
    counts = dict.fromkeys(("tp", "fp", "tn", "fn", "none_pass", "none_fail"), 0)
    for verdict, label in pairs:
        counts[_CELL[verdict, label]] += 1
    return Confusion(**counts)


_CELL: dict[tuple[Verdict | None, Verdict], str] = {
    ("pass", "pass"): "tp",
    ("pass", "fail"): "fp",
    ("fail", "fail"): "tn",
    ("fail", "pass"): "fn",
    (None, "pass"): "none_pass",
    (None, "fail"): "none_fail",
}
