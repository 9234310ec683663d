"""The deterministic guard: what no vote may release. Fail first, within the mission's focus.

It reads facts. Where a summary has none (free text), it reads patterns of words instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mlcore.facts.fact import Fact, ImageFacts
from mlcore.facts.words import PATTERN_TRIGGER, TRIGGERS, denied, is_pending
from mlcore.stage_b.ticket import Evidence
from mlcore.stage_b.verdict.contract import MOST_REASON, third_state
from mlcore.stage_b.verdict.focus import Focus
from mlcore.stage_b.verdict.rules import Rule

Source = Literal["fact", "rule", "text"]
MOST_SNIPPETS = 3
_CLAUSE = re.compile(r"[；;\n]")
_ENTRY = re.compile(r"，")
_IMAGE_PREFIX = re.compile(r"^\s*(?:图片?|image)\s*_?\d+\s*[:：]\s*", re.IGNORECASE)
_ISSUE = re.compile(re.escape(PATTERN_TRIGGER) + r"[^，,；;。\s×]+")
_TRIGGER = re.compile("|".join(map(re.escape, TRIGGERS)))
CONCLUSION = "总结: 存在不符合检查要求的情况，判不通过"


@dataclass(frozen=True, order=True)
class Hit:
    """One fault. `image` is 0 for a rule about all images; `by` is what found it: the trigger of a
    text, the key of a rule, or `fact`."""

    image: int
    clause: str
    source: Source
    by: str


@dataclass(frozen=True)
class GuardResult:
    """`relevant` hits make the ticket fail; `irrelevant` ones are faults that the mission does not
    ask about, `pending` ones are said without certainty, `ignored` ones a rule has excused."""

    relevant: tuple[Hit, ...] = ()
    irrelevant: tuple[Hit, ...] = ()
    pending: tuple[Hit, ...] = ()
    ignored: tuple[Hit, ...] = ()

    @property
    def fails(self) -> bool:
        return bool(self.relevant)

    @property
    def rules(self) -> tuple[str, ...]:
        """Keys of the rules that made the ticket fail."""
        return tuple(dict.fromkeys(hit.by for hit in self.relevant if hit.source == "rule"))

    def reason(self) -> str:
        """The reason of a failing ticket, from what was found; one line of at most MOST_REASON
        characters. Asks for at least one relevant hit."""
        assert self.relevant
        shown: dict[str, None] = {}
        for hit in self.relevant:
            text = " ".join(hit.clause.split())
            shown[f"Image{hit.image}: {text}" if hit.image else text] = None
        kept = [text for text in shown if third_state(text) is None][:MOST_SNIPPETS]
        room = (MOST_REASON - len(CONCLUSION)) // max(1, len(kept)) - 2
        return "; ".join([*(text[:room] for text in kept), CONCLUSION])


def guard(evidence: Evidence, focus: Focus, rules: Mapping[str, Rule]) -> GuardResult:
    """Every fault of a ticket's evidence, by what follows from it.

    `rules` maps keys of guidance to the rules that their sentences state. A negative fact about a
    subject of the focus, and a rule that holds, are relevant. Without a focus no fact is.
    """
    ignoring = [rule.conditions[0] for rule in rules.values() if rule.effect == "ignore"]
    out: dict[str, list[Hit]] = {"relevant": [], "irrelevant": [], "pending": [], "ignored": []}
    for image in evidence.facts:
        for fact in image.facts:
            if fact.polarity != "negative":
                continue
            excused = any(condition.matches(fact) for condition in ignoring)
            out[_sort(fact, focus, excused=excused)].append(
                Hit(image.image, fact.words, "fact", "fact")
            )
        for sort, hit in _text_hits(image, focus):
            out[sort].append(hit)
    facts = evidence.all_facts
    for key, rule in rules.items():
        if rule.effect == "fail" and rule.holds(facts):
            out["relevant"].append(_rule_hit(key, rule, evidence.facts))
    return GuardResult(**{name: tuple(dict.fromkeys(hits)) for name, hits in out.items()})


def _sort(fact: Fact, focus: Focus, *, excused: bool) -> str:
    if excused:
        return "ignored"
    if fact.certainty == "uncertain":
        return "pending"
    return "relevant" if focus.names(fact.subject) else "irrelevant"


def _rule_hit(key: str, rule: Rule, images: Sequence[ImageFacts]) -> Hit:
    """Where a rule holds: the first image that shows its first condition."""
    first = rule.conditions[0]
    for image in images:
        for fact in image.facts:
            if first.quantifier == "some" and first.matches(fact) and fact.count >= first.least:
                return Hit(image.image, fact.words, "rule", key)
    return Hit(0, f"所有图中都没有 {first.subject}", "rule", key)


def _text_hits(image: ImageFacts, focus: Focus) -> Iterable[tuple[str, Hit]]:
    """Faults in free text: the whole of a summary in no known form. Remarks are for people and the
    model: nothing they say fails a ticket by itself."""
    for part in _CLAUSE.split(image.unparsed):
        for raw in _ENTRY.split(part):
            clause = _IMAGE_PREFIX.sub("", raw).strip()
            subject = clause.split("/", 1)[0]
            for trigger in _triggers(clause):
                if is_pending(clause):
                    sort = "pending"
                elif focus.names(subject):
                    sort = "relevant"
                else:
                    sort = "irrelevant"
                yield sort, Hit(image.image, clause, "text", trigger)


def _triggers(clause: str) -> list[str]:
    """The faults that a clause states. A named issue stands for the plain word before it."""
    issues = [found[0] for found in _ISSUE.finditer(clause) if not denied(clause[: found.start()])]
    if issues:
        return issues
    hits = [found[0] for found in _TRIGGER.finditer(clause) if not denied(clause[: found.start()])]
    return list(dict.fromkeys(hits))
