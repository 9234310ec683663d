"""A deterministic proposer: facts that tell tickets apart which labels tell apart.

It needs no model. Wherever it speaks it is called MINER, so that nobody takes it for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from mlcore.evaluate.statistics import wilson
from mlcore.facts.fact import Fact
from mlcore.stage_b.decide import Decided
from mlcore.stage_b.ticket import Verdict
from mlcore.stage_b.verdict.rules import Condition, Rule, rule_text

MINER = "miner"
"""how rules and rows name this proposer"""
_MOST_LEAST = 3
"""largest count that a condition asks for"""


@dataclass(frozen=True)
class Case:
    """One judged ticket. `vote` is the verdict before the guard; `hits` are the sorts of facts
    (subject, attribute, value) for which the guard failed it, `ruled` says that a rule did too."""

    key: str
    label: Verdict
    verdict: Verdict
    vote: Verdict
    facts: tuple[Fact, ...]
    hits: frozenset[tuple[str, str, str]] = frozenset()
    ruled: bool = False


@dataclass(frozen=True)
class Finding:
    """A rule with the tickets that it would turn to their label, and those it would turn away."""

    rule: Rule
    helped: tuple[str, ...]
    harmed: tuple[str, ...]

    @property
    def text(self) -> str:
        return rule_text(self.rule)

    @property
    def precision(self) -> float:
        """helped / (helped + harmed)."""
        return len(self.helped) / (len(self.helped) + len(self.harmed))


@dataclass(frozen=True)
class Thresholds:
    """`support`: fewest tickets that a rule must turn to their label. `precision`: least share of
    turned tickets that turn to their label, and its 95 % lower bound must be above `floor`.
    `pairs`: whether conditions are also joined two by two."""

    support: int = 3
    precision: float = 0.6
    floor: float = 0.3
    pairs: bool = True


def case_of(decided: Decided) -> Case | None:
    """The case of an outcome; None where there is no verdict."""
    if decided.verdict is None or decided.selection is None:
        return None
    facts = decided.ticket.evidence.all_facts
    hits = {(hit.image, hit.clause) for hit in decided.guard.relevant if hit.source == "fact"}
    return Case(
        decided.ticket.ticket_key,
        decided.ticket.label,
        decided.verdict,
        decided.selection.verdict,
        facts,
        frozenset(_sort(fact) for fact in facts if (fact.image, fact.words) in hits),
        bool(decided.guard.rules),
    )


def mine(
    cases: Sequence[Case], most: int = 3, thresholds: Thresholds | None = None
) -> list[Finding]:
    """Up to `most` rules, the best first; each is chosen with the earlier ones applied.

    A rule's gain is the tickets that it turns to their label minus those it turns away. Ties go to
    fewer conditions, then to the sentence that sorts first: equal cases give equal rules.
    """
    limits = thresholds or Thresholds()
    open_cases = list(cases)
    found: list[Finding] = []
    while len(found) < most:
        best = _best(open_cases, limits)
        if best is None:
            break
        found.append(best)
        turned = {*best.helped, *best.harmed}
        open_cases = [case for case in open_cases if case.key not in turned]
    return found


def _best(cases: Sequence[Case], limits: Thresholds) -> Finding | None:
    candidates = [*_failing(cases, limits), *_ignoring(cases, limits)]
    return min(candidates, key=lambda finding: _rank(finding, limits), default=None)


def _rank(finding: Finding, limits: Thresholds) -> tuple[int, int, str]:
    """A further condition must be worth as many tickets as a rule needs: else it fits noise."""
    conditions = len(finding.rule.conditions)
    gain = len(finding.helped) - len(finding.harmed) - (conditions - 1) * limits.support
    return -gain, conditions, finding.text


def _failing(cases: Sequence[Case], limits: Thresholds) -> Iterable[Finding]:
    """Rules that fail what passes now."""
    passed = [case for case in cases if case.verdict == "pass"]
    masks = _masks(passed)
    wrong = _mask(case.label == "fail" for case in passed)
    good = [c for c, mask in masks.items() if (mask & wrong).bit_count() >= limits.support]
    pairs = combinations(good, 2) if limits.pairs else ()
    for conditions in [*((c,) for c in good), *pairs]:
        mask = -1
        for condition in conditions:
            mask &= masks[condition]
        rule = _sayable(conditions)
        if rule is None or not _sound(mask, wrong, limits):
            continue
        yield Finding(rule, _keys(passed, mask & wrong), _keys(passed, mask & ~wrong))


def _ignoring(cases: Sequence[Case], limits: Thresholds) -> Iterable[Finding]:
    """Rules that excuse one sort of fact, for tickets that fail for nothing else."""
    failed = [c for c in cases if c.verdict == "fail" and c.vote == "pass" and not c.ruled]
    sorts = {sort for case in failed if len(case.hits) == 1 for sort in case.hits}
    wrong = _mask(case.label == "pass" for case in failed)
    for sort in sorted(sorts):
        mask = _mask(case.hits == {sort} for case in failed)
        try:
            rule = Rule((Condition(*sort),), "ignore")
            rule_text(rule)
        except ValueError:
            continue
        if _sound(mask, wrong, limits):
            yield Finding(rule, _keys(failed, mask & wrong), _keys(failed, mask & ~wrong))


def _sound(mask: int, wrong: int, limits: Thresholds) -> bool:
    helped, turned = (mask & wrong).bit_count(), mask.bit_count()
    if helped < limits.support or helped < limits.precision * turned:
        return False
    bounds = wilson(helped, turned)
    return bounds is not None and bounds[0] >= limits.floor


def _masks(cases: Sequence[Case]) -> dict[Condition, int]:
    """Of every condition that holds somewhere: in which cases, as bits."""
    out: dict[Condition, int] = {}
    named: dict[str, int] = {}
    for place, case in enumerate(cases):
        bit = 1 << place
        for condition in {c for fact in case.facts for c in _conditions(fact)}:
            out[condition] = out.get(condition, 0) | bit
        for subject in {fact.subject for fact in case.facts}:
            named[subject] = named.get(subject, 0) | bit
    whole = (1 << len(cases)) - 1
    for subject, mask in named.items():
        if mask != whole:
            out[Condition(subject, quantifier="none")] = whole & ~mask
    return {condition: out[condition] for condition in sorted(out)}


def _conditions(fact: Fact) -> Iterable[Condition]:
    """What a certain fact makes true; counts up to a few, for a fault may be usual alone."""
    if fact.certainty == "certain":
        for least in range(1, min(fact.count, _MOST_LEAST) + 1):
            yield Condition(*_sort(fact), least=least)


def _sayable(conditions: tuple[Condition, ...]) -> Rule | None:
    """The rule, where a sentence states it and no condition follows from another."""
    if len(conditions) == 2:
        first, second = conditions
        if (first.subject, first.attribute, first.value) == (
            second.subject,
            second.attribute,
            second.value,
        ):
            return None
    rule = Rule(conditions)
    try:
        rule_text(rule)
    except ValueError:
        return None
    return rule


def _sort(fact: Fact) -> tuple[str, str, str]:
    return fact.subject, fact.attribute, fact.value


def _mask(flags: Iterable[bool]) -> int:
    return sum(1 << place for place, flag in enumerate(flags) if flag)


def _keys(cases: Sequence[Case], mask: int) -> tuple[str, ...]:
    return tuple(case.key for place, case in enumerate(cases) if mask >> place & 1)
