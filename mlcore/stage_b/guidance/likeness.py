"""When two rules say the same."""

from __future__ import annotations

import difflib
import re

from mlcore.stage_b.verdict.rules import parse_rule

CONTAINED = 0.85
"""share of the longer text that a contained one must have"""
RATIO = 0.9
"""likeness (difflib's ratio) from which two texts are the same"""
_SAME = (("如果", "若"), ("当", "若"), ("就", "则"))
_PUNCTUATION = re.compile(r"[\W_]+")


def normal(text: str) -> str:
    """Text without what does not change its meaning: case, punctuation, words for `if`."""
    plain = text.lower()
    for word, same in _SAME:
        plain = plain.replace(word, same)
    return _PUNCTUATION.sub(" ", plain).strip()


def alike(a: str, b: str) -> bool:
    """Whether two texts say nearly the same. Two that both state a rule are alike only where it is
    the same one: one other value makes another rule."""
    rules = parse_rule(a), parse_rule(b)
    if all(rules):
        return rules[0] == rules[1]
    a, b = normal(a), normal(b)
    if a == b:
        return True
    short, long = sorted((a, b), key=len)
    if short and short in long and len(short) / len(long) >= CONTAINED:
        return True
    return difflib.SequenceMatcher(None, a, b, autojunk=False).ratio() >= RATIO
