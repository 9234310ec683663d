"""Whether a change of guidance may be made, from verdicts before and after it. Fails closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlcore.stage_b.decide import Decided
from mlcore.stage_b.search.config import RuleGateConfig
from mlcore.stage_b.search.paired import Flips, flips, improvement_p, loss_bound
from mlcore.stage_b.tally import Confusion, confusion


@dataclass(frozen=True)
class Comparison:
    """The same tickets judged before and after a change."""

    before: Confusion
    after: Confusion
    flips: Flips
    changed: int
    """tickets whose verdict is another one"""

    @property
    def p(self) -> float:
        return improvement_p(self.flips)

    @property
    def relative_error_reduction(self) -> float | None:
        """(errors before - errors after) / errors before; None where there was none."""
        before = self.before.n - self.before.tp - self.before.tn
        after = self.after.n - self.after.tp - self.after.tn
        return (before - after) / before if before else None

    def to_json(self) -> dict[str, Any]:
        """Counts and figures, for artifacts."""
        return {
            "n": self.flips.n,
            "better": self.flips.better,
            "worse": self.flips.worse,
            "changed": self.changed,
            "p": self.p,
            "relative_error_reduction": self.relative_error_reduction,
            "loss_bound": loss_bound(self.flips),
            "false_release": [self.before.false_release, self.after.false_release],
            "false_block": [self.before.false_block, self.after.false_block],
            "label_match": [self.before.label_match, self.after.label_match],
        }


def compare(before: Sequence[Decided], after: Sequence[Decided]) -> Comparison:
    """Two judgements of the same tickets in the same order; no verdict is a wrong one."""
    assert [d.ticket for d in before] == [d.ticket for d in after]
    return Comparison(
        confusion((d.verdict, d.ticket.label) for d in before),
        confusion((d.verdict, d.ticket.label) for d in after),
        flips([bool(d.label_match) for d in before], [bool(d.label_match) for d in after]),
        sum(a.verdict != b.verdict for a, b in zip(before, after, strict=True)),
    )


def refusals(found: Comparison, adjusted_p: float, gate: RuleGateConfig) -> list[str]:
    """Why an added or changed rule is not accepted; nothing where it is."""
    out = _common(found, gate)
    reduction = found.relative_error_reduction
    if reduction is None:
        out.append("there is no error to take away")
    elif reduction < gate.min_relative_error_reduction:
        out.append(
            f"takes away {reduction:.1%} of the errors, least is "
            f"{gate.min_relative_error_reduction:.1%}"
        )
    if adjusted_p > gate.alpha:
        out.append(f"p = {adjusted_p:.3g} after correction, most is {gate.alpha:g}")
    return out


def removal_refusals(found: Comparison, gate: RuleGateConfig) -> list[str]:
    """Why a rule is not removed; nothing where doing without it is surely no worse."""
    out = _common(found, gate)
    bound = loss_bound(found.flips)
    if bound >= gate.removal_margin:
        out.append(f"right verdicts may fall by {bound:.1%}, margin is {gate.removal_margin:.1%}")
    return out


def _common(found: Comparison, gate: RuleGateConfig) -> list[str]:
    out = []
    before, after = found.before.false_release, found.after.false_release
    # Where nothing is passed any more nothing is released wrongly, but then nothing was shown.
    if after is None:
        out.append("no ticket is passed any more, so false release is unknown")
    elif before is not None and after > before + gate.max_false_release_increase:
        out.append(f"false release grows from {before:.1%} to {after:.1%}")
    if found.flips.n and found.changed > gate.max_changed_fraction * found.flips.n:
        out.append(f"changes {found.changed} of {found.flips.n} verdicts")
    return out
