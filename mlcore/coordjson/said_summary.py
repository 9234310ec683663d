"""The summary in a model's answer, with what models put around it taken off.

a line like <DOMAIN=BBU>, <TASK=SUMMARY>, words before or after, a code fence     left out
无关图片 and whatever follows                                                       无关图片
statistics in any order, with other blanks, over several lines, as 统计=[...]      one line
{"image_1": SUMMARY}                                                              SUMMARY
anything else                                                                     one line
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mlcore.coordjson.errors import CoordJsonError
from mlcore.coordjson.summary import (
    CATEGORY,
    FIRST_CATEGORY,
    GROUPS,
    IRRELEVANT,
    REMARKS,
    STATISTICS,
    no_constant,
    once,
)

_HEADER = re.compile(r"\s*<[A-Z_]+=[^<>\n]*>(?:\s*,\s*<[A-Z_]+=[^<>\n]*>)*[ \t]*(?:\n|\Z)")
_ASSIGNED = {
    key: re.compile(rf'(?<!分组){key}(?:"?\s*[=＝]|\s*[:：])\s*(?=[\[{{])')
    for key in (STATISTICS, REMARKS, GROUPS)
}
_OBJECT_KEY = "image_1"
_DECODER = json.JSONDecoder(object_pairs_hook=once, parse_constant=no_constant)


def said_summary(text: str) -> str:
    """The summary that an answer gives, on one line that is not blank.

    Statistics come out in the order and with the blanks that `parse_statistics` asks for; what
    they say is neither added to nor left out, so a key or count that it refuses stays and is
    refused there. Time grows linearly with the text. Raises CoordJsonError where nothing is said.
    """
    body = _without_header(text)
    if not body:
        raise CoordJsonError(0, "the answer is empty", "truncated")
    return _irrelevant(body) or _statistics(body) or _of_object(body) or _one_line(body)


def _without_header(text: str) -> str:
    found = _HEADER.match(text)
    return text[found.end() :].strip() if found else text.strip()


def _irrelevant(body: str) -> str | None:
    return IRRELEVANT if body.startswith(IRRELEVANT) else None


def _statistics(body: str) -> str | None:
    """The last line that is statistics, else the widest object, else what is assigned by name."""
    for line in reversed(body.splitlines()):
        if (row := line.strip()).startswith("{") and (found := _canonical(_json(row))):
            return found
    for whole in (_widest(body), _json_at(body, body.find("{"))):
        if isinstance(whole, dict) and (STATISTICS in whole or _OBJECT_KEY in whole):
            return _canonical(whole)
    assigned = {key: _value_after(body, key) for key in _ASSIGNED}
    return _canonical({key: value for key, value in assigned.items() if value is not None})


def _of_object(body: str) -> str | None:
    """The summary of the one image, where the answer numbers its images."""
    value = _widest(body)
    inner = value.get(_OBJECT_KEY) if isinstance(value, dict) else None
    if isinstance(inner, dict):
        return _canonical(inner)
    if not isinstance(inner, str) or not _is_text(inner):
        return None
    body = _without_header(inner)
    return _irrelevant(body) or _statistics(body) or _one_line(body) or None


def _one_line(body: str) -> str:
    return " ".join(body.split())


def _widest(body: str) -> Any:
    """The value from the first brace to the last one."""
    return _json(body[max(0, body.find("{")) : body.rfind("}") + 1])


def _json(text: str) -> Any:
    """The JSON value of a whole text; None where it is none."""
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError, CoordJsonError):
        return None


def _json_at(text: str, start: int) -> Any:
    """The JSON value that begins there, whatever follows it; None where there is none."""
    if start < 0:
        return None
    try:
        return _DECODER.raw_decode(text, start)[0]
    except (ValueError, RecursionError, CoordJsonError):
        return None


def _value_after(body: str, key: str) -> Any:
    """What the first `key=` is given."""
    found = _ASSIGNED[key].search(body)
    return _json_at(body, found.end()) if found else None


def _canonical(value: Any) -> str | None:
    """Statistics as one line in their order; None for a value that is none."""
    if not isinstance(value, dict) or not isinstance(value.get(STATISTICS), list):
        return None
    if not value[STATISTICS]:
        return None
    known = {key: value[key] for key in (STATISTICS, REMARKS, GROUPS) if value.get(key)}
    rows = [_row(row) for row in value[STATISTICS]]
    others = {key: part for key, part in value.items() if key not in _ASSIGNED}
    out = {**known, STATISTICS: sorted(rows, key=_row_order), **others}
    line = json.dumps(out, ensure_ascii=False, separators=(", ", ": "))
    return line if _is_text(line) and line.splitlines() == [line] else None


def _row(row: Any) -> Any:
    """A category with its name first and its keys by name."""
    if not isinstance(row, Mapping) or CATEGORY not in row:
        return row
    return {CATEGORY: row[CATEGORY], **{key: row[key] for key in sorted(row) if key != CATEGORY}}


def _row_order(row: Any) -> tuple[bool, bool, str]:
    """By name, 站点距离 first; what is no category last, as it came."""
    name = row.get(CATEGORY) if isinstance(row, Mapping) else None
    if not isinstance(name, str):
        return True, True, ""
    return False, name != FIRST_CATEGORY, name


def _is_text(text: str) -> bool:
    """Whether a text can be written as UTF-8: JSON escapes may leave half characters."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
