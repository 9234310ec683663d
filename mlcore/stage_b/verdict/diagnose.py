"""How well a candidate's reason fits what was asked and seen. Shown to people, never used to
select, and made without the label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mlcore.stage_b.ticket import Evidence
from mlcore.stage_b.verdict.contract import Spoken
from mlcore.stage_b.verdict.focus import Focus, focus_of
from mlcore.stage_b.verdict.guard import GuardResult

_SHORT, _FULL = 12, 80


@dataclass(frozen=True)
class Diagnosis:
    """`focus_consistency` and `guidance_consistency`: share of the keywords of the checklist, and
    of the learnt rules, that the reason names; None where there are none. `rationale_quality`:
    from 0 for an empty reason over 0.4 to 1 at 80 characters. `grounded`: share of the faulty
    subjects of the images that a failing reason names; None for a passing one.
    `against_evidence`: it passes although the guard found a relevant fault."""

    focus_consistency: float | None
    guidance_consistency: float | None
    rationale_quality: float
    grounded: float | None
    against_evidence: bool


def diagnose(
    said: Spoken, evidence: Evidence, focus: Focus, rules: Iterable[str], found: GuardResult
) -> Diagnosis:
    """The diagnosis of one well-formed candidate. `rules` are the texts of the learnt rules."""
    rule_words = [word for text in rules for word in focus_of(text).keywords]
    faulty = {f.subject for f in evidence.all_facts if f.polarity == "negative"}
    return Diagnosis(
        focus_consistency=_share(focus.keywords, said.reason),
        guidance_consistency=_share(rule_words, said.reason),
        rationale_quality=rationale_quality(said.reason),
        grounded=_share(sorted(faulty), said.reason) if said.verdict == "fail" else None,
        against_evidence=said.verdict == "pass" and found.fails,
    )


def rationale_quality(reason: str) -> float:
    """0 for nothing, 0.4 below 12 characters, then linear to 1 at 80."""
    length = len(reason.strip())
    if length == 0:
        return 0.0
    if length < _SHORT:
        return 0.4
    return 0.4 + 0.6 * min(1.0, (length - _SHORT) / (_FULL - _SHORT))


def _share(words: Iterable[str], text: str) -> float | None:
    wanted = list(dict.fromkeys(words))
    return sum(word in text for word in wanted) / len(wanted) if wanted else None
