"""What of a proposal holds, tried on the guidance. Nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlcore.facts.fact import Fact
from mlcore.stage_b.guidance.operations import Operation, apply_operations
from mlcore.stage_b.reflection.hypotheses import Pool, signature
from mlcore.stage_b.reflection.meeting import Meeting
from mlcore.stage_b.reflection.minutes import Minutes
from mlcore.stage_b.reflection.sift import sift_guesses, sift_operations
from mlcore.stage_b.ticket import Verdict


def weigh(
    minutes: Minutes,
    meeting: Meeting,
    pool: Pool,
    seen: Sequence[tuple[Verdict, Sequence[Fact]]],
    room: int,
    now: str,
) -> int:
    """Sift the proposal of the minutes, support and promote hypotheses, and apply what is left to
    a copy of the guidance; all of it is put into the minutes. Returns how many operations held, at
    most `room`. `seen` are labels and facts of the tickets so far, `now` is an ISO 8601 time."""
    proposal = minutes.proposal
    assert proposal is not None
    tickets = [one.decided.ticket for one in meeting.records]
    minutes.operations = sift_operations(proposal.operations, tickets, meeting.guidance, room)
    minutes.guesses = sift_guesses(proposal.guesses, meeting, pool)
    asked = [
        one.operation
        for one in minutes.operations
        if not one.refused and one.operation.verb != "none"
    ]
    current: dict[str, tuple[str, ...]] = {}
    for sifted in minutes.guesses:
        if not sifted.refused:
            pool.support(sifted.guess, meeting.cycle, meeting.reflection_id, now)
            current[signature(sifted.guess.text)] = sifted.guess.evidence
    pool.review(seen, meeting.cycle, meeting.reflection_id, now)
    promoted = _promotions(pool, current, room - len(asked), minutes)
    operations = [*asked, *promoted.values()]
    applied = apply_operations(
        meeting.guidance, operations, now=now, reflection_id=meeting.reflection_id
    )
    minutes.applied = applied
    if applied.refused and not applied.changes:
        minutes.warnings.append("apply_failed")
    refused = {id(one.operation) for one in applied.refused}
    for one in pool.due():
        operation = promoted.get(one.signature)
        if operation is not None and id(operation) not in refused:
            pool.promote(one, meeting.reflection_id, now)
    return len(operations) - len(applied.refused)


def _promotions(
    pool: Pool, current: Mapping[str, tuple[str, ...]], room: int, minutes: Minutes
) -> dict[str, Operation]:
    """Operations for hypotheses with support enough, by signature. Their evidence is what this
    reflection named."""
    out: dict[str, Operation] = {}
    for one in pool.due():
        if one.signature not in current:
            minutes.warnings.append("promotion_no_current_evidence")
        elif len(out) < room:
            out[one.signature] = Operation(
                "add",
                text=one.text,
                rationale="hypothesis_promotion",
                evidence=current[one.signature],
            )
    return out
