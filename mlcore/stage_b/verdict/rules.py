"""Rules as sentences. The sentence is the whole rule: there is no hidden structure beside it.

    若任一图中「BBU安装螺丝」的「符合性」为「不符合」，则判不通过。
    若任一图中「光纤」的「保护措施」为「无保护」达到2个，且所有图中都没有「挡风板」，则判不通过。
    若任一图中「标签」的「可读性」为「不可读」，不因此判不通过。

Any other text is guidance for the model alone and is never applied by these rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlcore.facts.fact import Fact

Quantifier = Literal["some", "none"]
Effect = Literal["fail", "ignore"]
_NAME = r"「([^「」\s]{1,60})」"
_OF = rf"{_NAME}(?:的{_NAME}为{_NAME})?"
_CONDITION = re.compile(rf"(?:任一图中{_OF}(?:达到([1-9][0-9]{{0,3}})个)?|所有图中都没有{_OF})")
_RULE = re.compile(r"若(?P<conditions>.+)，(?P<effect>则判不通过|不因此判不通过)。?")
_EFFECTS: dict[str, Effect] = {"则判不通过": "fail", "不因此判不通过": "ignore"}


@dataclass(frozen=True, order=True)
class Condition:
    """`some`: an image has at least `least` such objects, stated with certainty. `none`: no image
    speaks of one, not even uncertainly. Empty `attribute` and `value` ask for the subject alone."""

    subject: str
    attribute: str = ""
    value: str = ""
    quantifier: Quantifier = "some"
    least: int = 1

    def holds(self, facts: Sequence[Fact]) -> bool:
        found = [fact for fact in facts if self.matches(fact)]
        if self.quantifier == "none":
            return not found
        return any(f.certainty == "certain" and f.count >= self.least for f in found)

    def matches(self, fact: Fact) -> bool:
        """Whether a fact is of the sort that this condition speaks of."""
        return (fact.subject, fact.attribute, fact.value) == (
            self.subject,
            self.attribute,
            self.value,
        )


@dataclass(frozen=True)
class Rule:
    """`fail`: all conditions together make the ticket fail. `ignore`: facts that match its one
    condition are no reason to fail, whatever the focus says."""

    conditions: tuple[Condition, ...]
    effect: Effect = "fail"

    def holds(self, facts: Sequence[Fact]) -> bool:
        """Whether every condition holds for the facts of all images of a ticket."""
        return all(condition.holds(facts) for condition in self.conditions)


def parse_rule(text: str) -> Rule | None:
    """The rule that a sentence states; None where it is not of this form."""
    found = _RULE.fullmatch(text.strip())
    if found is None:
        return None
    conditions = [_condition(part) for part in found["conditions"].split("，且")]
    if not all(conditions):
        return None
    rule = Rule(tuple(c for c in conditions if c is not None), _EFFECTS[found["effect"]])
    if rule.effect == "ignore" and (
        len(rule.conditions) > 1 or rule.conditions[0].quantifier == "none"
    ):
        return None
    return rule


def rule_text(rule: Rule) -> str:
    """The sentence of a rule; `parse_rule` gives the rule back.

    Raises ValueError for a rule that no sentence states: a name with a space or a bracket in it,
    an `ignore` of several conditions.
    """
    end = next(words for words, effect in _EFFECTS.items() if effect == rule.effect)
    text = f"若{'，且'.join(_words(c) for c in rule.conditions)}，{end}。"
    if parse_rule(text) != rule:
        raise ValueError(f"no sentence states {rule}")
    return text


def _condition(text: str) -> Condition | None:
    found = _CONDITION.fullmatch(text)
    if found is None:
        return None
    some = found[1] is not None
    subject, key, value = found.group(1, 2, 3) if some else found.group(5, 6, 7)
    return Condition(
        subject, key or "", value or "", "some" if some else "none", int(found[4] or 1)
    )


def _words(condition: Condition) -> str:
    of = f"「{condition.subject}」"
    if condition.attribute:
        of += f"的「{condition.attribute}」为「{condition.value}」"
    if condition.quantifier == "none":
        return f"所有图中都没有{of}"
    count = f"达到{condition.least}个" if condition.least > 1 else ""
    return f"任一图中{of}{count}"
