"""A candidate run against the released one on the same tickets: which verdicts flipped, and what
that did to the rates.

What a verdict is held against is the word of people where a ticket has been decided in the
console, else the label on record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mlcore.stage_b.compare import Pair, paired_figures
from mlcore.stage_b.ticket import Verdict

Row = Mapping[str, Any]
TO, AWAY = "to", "away"


@dataclass(frozen=True)
class Flip:
    """One ticket whose verdict differs; `truth` is what it is held against, `decided` whether a
    person has said so."""

    ticket_key: str
    released: str
    candidate: str
    truth: str
    decided: bool
    pk: int
    strength: float | None

    @property
    def direction(self) -> str:
        """`to` the truth, `away` from it; empty where neither verdict or both are the truth."""
        before, after = self.released == self.truth, self.candidate == self.truth
        return "" if before == after else TO if after else AWAY


@dataclass(frozen=True)
class Compared:
    """`n` tickets that both runs judged, and what changed on them: see `paired_figures`."""

    n: int
    decided: int
    only_released: list[str]
    only_candidate: list[str]
    flips: list[Flip]
    figures: dict[str, Any]

    @property
    def better(self) -> int:
        return int(self.figures["flips"]["to_label"])

    @property
    def worse(self) -> int:
        return int(self.figures["flips"]["from_label"])

    def to_json(self) -> dict[str, Any]:
        """Counts and figures, without the flips one by one."""
        return {
            "n": self.n,
            "decided": self.decided,
            "only_released": len(self.only_released),
            "only_candidate": len(self.only_candidate),
            **{key: value for key, value in self.figures.items() if key != "n"},
        }


def compare(
    released: Sequence[Row],
    candidate: Sequence[Row],
    outcomes: Mapping[str, str],
    *,
    decided_only: bool = False,
) -> Compared:
    """Pair the tickets by key. `outcomes` is what people decided, by key."""
    before = {str(row["ticket_key"]): row for row in released}
    flips: list[Flip] = []
    pairs: list[Pair] = []
    decided = 0
    here = {str(row["ticket_key"]) for row in candidate}
    for row in candidate:
        key = str(row["ticket_key"])
        if key not in before or (decided_only and key not in outcomes):
            continue
        decided += key in outcomes
        was, now = str(before[key]["verdict"]), str(row["verdict"])
        truth = outcomes.get(key, str(row["label"]))
        pairs.append(Pair(key, _verdict(truth), _verdict(was) or None, _verdict(now) or None))
        if was != now:
            flips.append(
                Flip(key, was, now, truth, key in outcomes, int(row["pk"]), row["strength"])
            )
    return Compared(
        len(pairs),
        decided,
        [key for key in before if key not in here],
        [str(row["ticket_key"]) for row in candidate if str(row["ticket_key"]) not in before],
        flips,
        paired_figures(pairs),
    )


def _verdict(text: str) -> Verdict:
    """A verdict of a row; the database holds no other texts, and empty for none."""
    return cast("Verdict", text)
