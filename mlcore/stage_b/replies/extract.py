"""The JSON object in an answer: fenced blocks first, then balanced spans, then the widest one.

The first that parses and is what was asked for is taken. Time grows linearly with the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar

from pydantic import ValidationError

from mlcore.config.base import StrictModel
from mlcore.errors import GatehouseError
from mlcore.run.exits import ExitCode

MOST_CHARACTERS = 200_000
"""of an answer; a longer one is refused unread"""
MOST_SPANS = 6
"""of each sort that are tried"""
_FENCE = re.compile(r"^[ \t]*```[^\n]*$", re.MULTILINE)
Asked = TypeVar("Asked", bound=StrictModel)


class ReplyError(GatehouseError):
    """An answer holds no JSON of the kind that was asked for."""

    code: ClassVar[str] = "reply"
    exit_code: ClassVar[ExitCode] = ExitCode.DATA


def read_reply(text: str, model: type[Asked]) -> Asked:
    """The first object in a text that is what `model` says: no unknown key, none twice, no NaN.

    Raises ReplyError with the first thing that is wrong, and nothing else whatever the text holds.
    """
    if len(text) > MOST_CHARACTERS:
        raise ReplyError(f"an answer of {len(text)} characters, most is {MOST_CHARACTERS}")
    problem = "there is no JSON object"
    first = True
    for span in _spans(text):
        try:
            value = json.loads(span, object_pairs_hook=_unique, parse_constant=_refused)
            return model.model_validate(value)
        except ValidationError as error:
            told = error.errors(include_input=False, include_url=False)[0]
            words = f"{'.'.join(map(str, told['loc']))}: {told['msg']}"
        except (ValueError, RecursionError) as error:
            words = f"not JSON: {error}"
        if first:
            problem, first = words, False
    raise ReplyError(problem)


def _spans(text: str) -> Iterator[str]:
    """Each text once, the likeliest first."""
    seen: set[str] = set()
    for span in (*_fenced(text), *balanced(text), *_widest(text)):
        if span not in seen:
            seen.add(span)
            yield span


def _fenced(text: str) -> list[str]:
    """What stands between lines of three backticks."""
    marks = [found.span() for found in _FENCE.finditer(text)][: 2 * MOST_SPANS]
    pairs = zip(marks[0::2], marks[1::2], strict=False)
    return [inner for (_, start), (end, _) in pairs if (inner := text[start:end].strip())]


def balanced(text: str) -> list[str]:
    """The first widest spans from a brace to the one that closes it. Braces within a string do not
    count; a string ends with its line, so a stray quote hides no more than that."""
    opened: list[int] = []
    spans: list[tuple[int, int]] = []
    quoted = escaped = False
    for at, sign in enumerate(text):
        if quoted:
            quoted = sign != "\n" and (escaped or sign != '"')
            escaped = sign == "\\" and not escaped
        elif sign == '"' and opened:
            quoted, escaped = True, False
        elif sign == "{":
            opened.append(at)
        elif sign == "}" and opened:
            start = opened.pop()
            while spans and spans[-1][0] > start:
                spans.pop()
            spans.append((start, at + 1))
    return [text[start:end] for start, end in spans[:MOST_SPANS]]


def _widest(text: str) -> list[str]:
    start, end = text.find("{"), text.rfind("}")
    return [text[start : end + 1]] if 0 <= start < end else []


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key stands twice")
    return out


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")
