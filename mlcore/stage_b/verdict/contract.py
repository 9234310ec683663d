"""The two lines of a verdict. Nothing else reads what a model says about a ticket.

Verdict: 通过 | 不通过
Reason: one line
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mlcore.facts.words import THIRD_STATES
from mlcore.stage_b.ticket import Verdict

Code = Literal[
    "empty", "line_count", "no_verdict", "unknown_verdict", "no_reason", "third_state", "long"
]
MOST_REASON = 240
"""characters of a reason: the prompt asks for it"""
WORDS: dict[Verdict, str] = {"pass": "通过", "fail": "不通过"}
_SPOKEN: dict[str, Verdict] = {
    "通过": "pass",
    "pass": "pass",
    "不通过": "fail",
    "未通过": "fail",
    "fail": "fail",
}
_LINE = re.compile(r"(?P<key>verdict|reason)\s*[:：]\s*(?P<value>.*)", re.IGNORECASE)


@dataclass(frozen=True)
class Spoken:
    """A verdict with its reason, as it was said."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Malformed:
    """An answer that is no verdict, and the first thing that is wrong with it."""

    code: Code
    detail: str


def parse_two_lines(text: str) -> Spoken | Malformed:
    """The verdict that a model said, strictly: two lines, two verdicts, one reason.

    Blank lines do not count. A reason that avoids a verdict (`需复核`, `证据不足`, …) or is longer
    than MOST_REASON characters makes the answer malformed. Time grows linearly with the text.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return Malformed("empty", "nothing was said")
    if len(lines) != 2:
        return Malformed("line_count", f"{len(lines)} lines instead of 2")
    first, second = (_LINE.fullmatch(line) for line in lines)
    if first is None or first["key"].lower() != "verdict":
        return Malformed("no_verdict", f"line 1 is no verdict: {lines[0][:80]!r}")
    verdict = _SPOKEN.get(first["value"].strip().removesuffix("。").lower())
    if verdict is None:
        return Malformed("unknown_verdict", f"no verdict is called {first['value'][:80]!r}")
    if second is None or second["key"].lower() != "reason" or not second["value"].strip():
        return Malformed("no_reason", f"line 2 is no reason: {lines[1][:80]!r}")
    return _reasoned(verdict, second["value"].strip())


def render_two_lines(spoken: Spoken) -> str:
    """The two lines that parse to the same. A reason is put on one line."""
    return f"Verdict: {WORDS[spoken.verdict]}\nReason: {' '.join(spoken.reason.split())}"


def third_state(text: str) -> str | None:
    """The first word that avoids a verdict, or None."""
    lowered = text.lower()
    return next((word for word in THIRD_STATES if word in lowered), None)


def _reasoned(verdict: Verdict, reason: str) -> Spoken | Malformed:
    avoided = third_state(reason)
    if avoided is not None:
        return Malformed("third_state", f"the reason says {avoided!r}")
    if len(reason) > MOST_REASON:
        return Malformed("long", f"a reason of {len(reason)} characters, most is {MOST_REASON}")
    return Spoken(verdict, reason)
