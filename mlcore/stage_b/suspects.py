"""Tickets whose label the evidence contradicts: deterministic, made without a language model.

A label `fail` is in doubt where no image shows any fault. A label `pass` is in doubt where an
image shows a fault for which the desk has failed nearly every other ticket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mlcore.stage_b.decide import Decided
from mlcore.stage_b.learner import Judged
from mlcore.stage_b.mining import MINER
from mlcore.stage_b.rows import NeedReviewRow

NO_FAULT = "label_fail_without_fault"
FAULT_SEEN = "label_pass_with_fault"
CONSISTENT = 0.7
"""share of other tickets with the same fault that the desk must have failed"""
LEAST = 3
"""other tickets with the same fault that there must be"""


def label_suspects(judged: Sequence[Judged]) -> list[NeedReviewRow]:
    """The doubtful tickets, surest first, then by key.

    Only tickets with a verdict against their label can be; a verdict that a vote alone made
    is doubted with the label, so the vote must be unanimous. Every figure is of other tickets.
    """
    seen: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for one in judged:
        for fault in _faults(one.decided):
            seen[fault] += 1
            failed[fault] += one.decided.ticket.label == "fail"
    found: list[tuple[float, NeedReviewRow]] = []
    for one in judged:
        strength, code, note = _doubt(one.decided, seen, failed)
        if strength:
            found.append((strength, _row(one, code, note)))
    found.sort(key=lambda pair: (-pair[0], pair[1].ticket_key))
    return [row for _, row in found]


def _doubt(decided: Decided, seen: Counter[str], failed: Counter[str]) -> tuple[float, str, str]:
    """How sure the doubt is from 0, its code and a note."""
    if decided.label_match is not False:
        return 0.0, "", ""
    facts = decided.ticket.evidence.all_facts
    if decided.ticket.label == "fail":
        told = any(image.unparsed or image.remarks for image in decided.ticket.evidence.facts)
        if told or any(f.polarity == "negative" for f in facts) or not _unanimous(decided):
            return 0.0, "", ""
        return 1.0, NO_FAULT, f"no fault in {len(decided.ticket.evidence.images)} images"
    best, note = 0.0, ""
    for fault in _faults(decided):
        others = seen[fault] - 1
        share = failed[fault] / others if others >= LEAST else 0.0
        if share >= CONSISTENT and share > best:
            best, note = share, f"{fault}: {failed[fault]} of {others} other tickets were failed"
    return best, FAULT_SEEN, note


def _faults(decided: Decided) -> list[str]:
    """What the guard failed a ticket for, each sort once."""
    return sorted({hit.clause for hit in decided.guard.relevant if hit.source != "text"})


def _unanimous(decided: Decided) -> bool:
    return decided.selection is not None and decided.selection.vote_strength == 1.0


def _row(one: Judged, code: str, note: str) -> NeedReviewRow:
    ticket = one.decided.ticket
    return NeedReviewRow(
        ticket_key=ticket.ticket_key,
        group_id=ticket.group_id,
        mission=ticket.mission,
        gt_label=ticket.label,
        pred_verdict=one.decided.verdict,
        pred_reason=one.decided.reason,
        reason_code=code,
        epoch=one.epoch,
        reflection_cycle=one.cycle,
        reflection_id=MINER,
        uncertainty_note=note,
    )
