"""One ticket's outcome: the vote, the guard over it, and what a person should look at."""

from __future__ import annotations

from dataclasses import dataclass

from mlcore.stage_b.clean import one_line
from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.rollout import Rolled
from mlcore.stage_b.ticket import Ticket, Verdict
from mlcore.stage_b.verdict.contract import MOST_REASON, third_state
from mlcore.stage_b.verdict.guard import GuardResult, guard
from mlcore.stage_b.verdict.select import NoVerdict, Policy, Selection, select

FALLBACK: dict[Verdict, str] = {
    "pass": "总结: 检查要点均已确认，判通过",
    "fail": "总结: 检查要点未全部确认，判不通过",
}
_FOR_A_PERSON = (
    *("low_agreement", "rollout_contradiction", "fail_first_irrelevant_hit"),
    *("pending_signal_hit", "fail_first_override"),
)


@dataclass(frozen=True)
class Decided:
    """`verdict` and `reason` after the guard; None where there is no verdict, then `failure` says
    why. `warnings` know nothing of the label."""

    ticket: Ticket
    selection: Selection | None
    guard: GuardResult
    verdict: Verdict | None
    reason: str
    warnings: tuple[str, ...] = ()
    failure: NoVerdict | None = None

    @property
    def needs_manual_review(self) -> bool:
        return any(warning in _FOR_A_PERSON for warning in self.warnings)

    @property
    def teaches(self) -> bool:
        """Whether reflection looks at it: judged against its label, or doubtful. Knows the label.
        A ticket without a verdict does not."""
        return self.verdict is not None and (not self.label_match or self.needs_manual_review)

    @property
    def label_match(self) -> bool | None:
        """None without a verdict. Only offline figures and reflection may ask."""
        return None if self.verdict is None else self.verdict == self.ticket.label


def decide(one: Rolled, guidance: Guidance, policy: Policy) -> Decided:
    """The vote's verdict, failed by the guard where the evidence shows a relevant fault.

    The guard's reason replaces the candidate's whenever it finds one, so that verdict and reason
    never disagree.
    """
    found = guard(one.ticket.evidence, guidance.focus, guidance.rules)
    if one.dropped:
        lost = NoVerdict("no_candidates", one.dropped)
        return Decided(one.ticket, None, found, None, "", (), lost)
    won = select(one.candidates, policy)
    if isinstance(won, NoVerdict):
        return Decided(one.ticket, None, found, None, "", (), won)
    warnings: list[str] = list(won.warnings)
    if found.irrelevant:
        warnings.append("fail_first_irrelevant_hit")
    if found.pending:
        warnings.append("pending_signal_hit")
    verdict: Verdict = "fail" if found.fails else won.verdict
    if verdict != won.verdict:
        warnings.append("fail_first_override")
    said = found.reason() if found.fails else won.reason
    return Decided(one.ticket, won, found, verdict, _reason(said, verdict), tuple(warnings))


def _reason(text: str, verdict: Verdict) -> str:
    """One line in simplified characters; a general one where it is empty or avoids a verdict."""
    plain = one_line(text)[:MOST_REASON]
    return plain if plain and third_state(plain) is None else FALLBACK[verdict]
