"""What of a proposal may be applied, and why the rest may not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mlcore.stage_b.guidance.model import CHECKLIST, Guidance
from mlcore.stage_b.guidance.operations import Operation
from mlcore.stage_b.reflection.checks import (
    MOST_RATIONALE,
    conflict,
    hypothesis_fault,
    text_fault,
    words_fault,
)
from mlcore.stage_b.reflection.hypotheses import Guess, Pool
from mlcore.stage_b.reflection.meeting import Meeting
from mlcore.stage_b.ticket import Ticket


@dataclass(frozen=True)
class SiftedOperation:
    """An operation, and why it is left out; empty where it is not."""

    operation: Operation
    refused: str


@dataclass(frozen=True)
class SiftedGuess:
    """A hypothesis likewise."""

    guess: Guess
    refused: str


def sift_operations(
    operations: Sequence[Operation], tickets: Sequence[Ticket], guidance: Guidance, most: int
) -> list[SiftedOperation]:
    """Every operation in its order. Evidence must be of `tickets` and of nothing else; at most
    `most` that change anything are let through."""
    learnable = frozenset(one.ticket_key for one in tickets)
    groups = [one.group_id for one in tickets]
    out: list[SiftedOperation] = []
    said: set[tuple[str, str, str]] = set()
    passed = 0
    for one in operations:
        fault = _evidence_fault(one.evidence, learnable)
        if not fault and one.verb != "none":
            fault = _operation_fault(one, guidance, groups)
            if (one.verb, one.key, one.text) in said:
                fault = fault or "it is asked for twice"
            elif passed >= most:
                fault = fault or f"most is {most} operations"
            said.add((one.verb, one.key, one.text))
            passed += not fault
        out.append(SiftedOperation(one, fault))
    return out


def sift_guesses(guesses: Sequence[Guess], meeting: Meeting, pool: Pool) -> list[SiftedGuess]:
    """Every hypothesis in its order."""
    learnable = frozenset(meeting.keys)
    groups = [one.decided.ticket.group_id for one in meeting.records]
    scaffold = list(meeting.guidance.scaffold.values())
    out = []
    for one in guesses:
        fault = _evidence_fault(one.evidence, learnable) or hypothesis_fault(
            one.text, one.falsifier, one.dimension, scaffold, groups
        )
        if not fault and pool.rejected(one.text):
            fault = "it was rejected before"
        out.append(SiftedGuess(one, fault))
    return out


def _evidence_fault(evidence: Sequence[str], learnable: Collection[str]) -> str:
    if not evidence:
        return "no ticket is given as evidence"
    foreign = [key for key in evidence if key not in learnable]
    return f"{foreign[0]} is no ticket of this reflection" if foreign else ""


def _operation_fault(one: Operation, guidance: Guidance, groups: Sequence[str]) -> str:
    if one.key.startswith("S"):
        return f"{one.key} is read-only"
    if one.verb == "delete" and one.key == CHECKLIST:
        return f"{CHECKLIST} is mandatory"
    if len(one.rationale) > MOST_RATIONALE:
        return f"a rationale of {len(one.rationale)} characters, most is {MOST_RATIONALE}"
    fault = words_fault(one.rationale)
    if fault or one.verb == "delete":
        return fault
    fault = text_fault(one.text, groups)
    if fault:
        return fault
    against = conflict(one.text, list(guidance.scaffold.values()))
    return "the text contradicts an invariant" if against else ""
