"""Which rules a verdict is put down to: those that held for the ticket when it was judged.

A rule that states facts held where its conditions did, and for `ignore` where it excused a fault.
A text that only the model reads cannot be seen to act: it counts where it was shown and names a
subject of the ticket. A verdict that agrees with its label is a hit of all of them, another one a
miss: this is exposure, not proof of cause. The untouched part of a rule search measures cause.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.learner import Judged
from mlcore.stage_b.verdict.rules import Rule


def exposed(judged: Judged) -> dict[str, str]:
    """Keys and texts of the learnt rules that the outcome is put down to."""
    guidance, decided = judged.guidance, judged.decided
    rules, failing = guidance.rules, set(decided.guard.rules)
    out: dict[str, str] = {}
    for key, text in guidance.learnt.items():
        rule = rules.get(key)
        if rule is None:
            held = any(fact.subject in text for fact in decided.ticket.evidence.all_facts)
        elif rule.effect == "fail":
            held = key in failing
        else:
            held = _excused(rule, judged)
        if held:
            out[key] = text
    return out


def counted(judged: Iterable[Judged], guidance: Guidance) -> dict[str, tuple[int, int]]:
    """(hits, misses) by key from tickets that are settled. A rule whose text is another one by now
    gets nothing."""
    out: dict[str, tuple[int, int]] = {}
    for one in judged:
        for key, text in exposed(one).items():
            if guidance.experiences.get(key) == text:
                hits, misses = out.get(key, (0, 0))
                right = bool(one.decided.label_match)
                out[key] = (hits + right, misses + (not right))
    return out


def _excused(rule: Rule, judged: Judged) -> bool:
    condition = rule.conditions[0]
    facts = judged.decided.ticket.evidence.all_facts
    return any(fact.polarity == "negative" and condition.matches(fact) for fact in facts)
