"""The other answer of a model: an image's summary, in one of three forms.

    text         description×N，description×N
    statistics   {"统计": [{"类别": NAME, KEY: {VALUE: N}}], "备注": [TEXT], "分组统计": {GROUP: N}}
    neither      无关图片, the whole answer for an image that shows nothing to inspect

Statistics are one line of JSON with `", "` and `": "` between; `备注` and `分组统计` stand only
where there is something to say. Categories stand by name, 站点距离 first, and so do keys.
"""
from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from mlcore.coordjson.errors import CoordJsonError, Rule

IRRELEVANT = "无关图片"
STATISTICS, CATEGORY, REMARKS, GROUPS = "统计", "类别", "备注", "分组统计"
FIRST_CATEGORY = "站点距离"
_COUNT = re.compile(r"×([1-9][0-9]{0,5}+)(?:，|$)")
_MOST = 999_999


@dataclass(frozen=True)
class Statistics:
    """A summary in the form of statistics: counts by category, key and value."""

    categories: dict[str, dict[str, dict[str, int]]]
    remarks: tuple[str, ...] = ()
    groups: dict[str, int] = field(default_factory=dict)

    def facts(self) -> dict[str, int]:
        """The same as counts of descriptions with one attribute each; a category counts once."""
        out: dict[str, int] = {}
        for name, keys in self.categories.items():
            out[f"{CATEGORY}={name}"] = 1
            for key, values in keys.items():
                out |= {f"{CATEGORY}={name},{key}={v}": n for v, n in values.items()}
        out |= {f"{REMARKS}={text}": 1 for text in self.remarks}
        return out | {f"{GROUPS}={group}": n for group, n in self.groups.items()}


def parse_summary(text: str) -> dict[str, int]:
    """How often a summary names each description; {} for an irrelevant image.

    Statistics count `类别=NAME,KEY=VALUE`. Time grows linearly with the text. Raises CoordJsonError
    for anything else: a missing or zero count, a blank or repeated description, a line break, a
    comma at the end.
    """
    if text == IRRELEVANT:
        return {}
    if text.startswith("{"):
        return parse_statistics(text).facts()
    facts: dict[str, int] = {}
    at = 0
    while at < len(text) or not facts:
        found = _COUNT.search(text, at)
        if found is None:
            raise CoordJsonError(at, "no count like ×2 follows", "truncated")
        desc = text[at : found.start()]
        if not desc.strip() or desc.splitlines() != [desc]:
            raise CoordJsonError(at, "a description is one line of text", "bad_desc")
        if desc.startswith("，"):
            raise CoordJsonError(at, "nothing stands before this comma")
        if desc in facts:
            raise CoordJsonError(at, "a description occurs twice", "unexpected_keys")
        facts[desc] = int(found[1])
        at = found.end()
    if text.endswith("，"):
        raise CoordJsonError(len(text) - 1, "nothing follows the last comma")
    return facts


def drop_category(text: str, name: str) -> str:
    """A summary without one category, 无关图片 where nothing is left; a text that is no summary as
    it is."""
    try:
        if text.startswith("{"):
            found = parse_statistics(text)
            if name not in found.categories:
                return text
            value = json.loads(text)
            value[STATISTICS] = [row for row in value[STATISTICS] if row[CATEGORY] != name]
            if not value[STATISTICS]:
                return IRRELEVANT
            return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
        counts = parse_summary(text)
    except CoordJsonError:
        return text
    start = f"{CATEGORY}={name}"
    kept = [
        f"{desc}×{n}" for desc, n in counts.items()
        if desc != start and not desc.startswith(f"{start},")
    ]
    return "，".join(kept) if len(kept) < len(counts) and kept else (text if kept else IRRELEVANT)


def parse_statistics(text: str) -> Statistics:
    """The statistics of one line of JSON, strictly.

    Time grows linearly with the text. Raises CoordJsonError for whatever is not this form in every
    detail; the position is 0 for a fault of the whole and else where the text first differs.
    """
    try:
        value = json.loads(text, object_pairs_hook=once, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        torn = error.pos >= len(text) or error.msg.startswith("Unterminated")
        raise CoordJsonError(error.pos, error.msg, "truncated" if torn else "syntax") from error
    except (ValueError, RecursionError) as error:
        raise CoordJsonError(0, f"not these statistics: {error}") from error
    found = _statistics(value)
    written = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    if written != text:
        pairs = zip(written, text, strict=False)
        at = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(written), len(text)))
        raise CoordJsonError(at, "written otherwise than in one line with ', ' and ': ' between")
    return found


def _statistics(value: Any) -> Statistics:
    if not isinstance(value, dict) or STATISTICS not in value:
        _fail(f"the key {STATISTICS} is missing")
    for key in value:
        if key not in (STATISTICS, REMARKS, GROUPS):
            _fail(f"unknown key {key!a}", "unexpected_keys")
    in_order = [key for key in (STATISTICS, REMARKS, GROUPS) if key in value]
    if list(value) != in_order:
        _fail("the keys do not stand in their order", "order_violation")
    rows = value[STATISTICS]
    if not isinstance(rows, list) or not rows:
        _fail(f"{STATISTICS} must be a list with at least one category")
    categories: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows:
        name, keys = _category(row)
        if name in categories:
            _fail(f"the category {name!a} occurs twice", "unexpected_keys")
        categories[name] = keys
    _sorted(sorted(categories, key=lambda name: (name != FIRST_CATEGORY, name)), list(categories))
    groups = _counts(value[GROUPS], GROUPS) if GROUPS in value else {}
    return Statistics(categories, _remarks(value.get(REMARKS)), groups)


def _category(row: Any) -> tuple[str, dict[str, dict[str, int]]]:
    if not isinstance(row, dict):
        _fail("a category is an object", "not_an_object")
    if next(iter(row), None) != CATEGORY:
        _fail(f"a category begins with {CATEGORY}", "missing_desc")
    name = _text(row[CATEGORY])
    keys = {_text(key): _counts(row[key], key) for key in row if key != CATEGORY}
    _sorted(sorted(keys), list(keys))
    return name, keys


def _counts(value: Any, key: str) -> dict[str, int]:
    if not isinstance(value, dict) or not value:
        _fail(f"{key!a} must count at least one value")
    for text, count in value.items():
        _text(text)
        if type(count) is not int or not 0 < count <= _MOST:
            _fail(f"{key!a} has a count that is no whole number above 0", "bad_number")
    return dict(value)


def _remarks(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not value:
        _fail(f"{REMARKS} must be a list with at least one text")
    texts = tuple(_text(item) for item in value)
    if len(set(texts)) < len(texts):
        _fail("a remark occurs twice", "unexpected_keys")
    return texts


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or value.splitlines() != [value]:
        _fail("a name, value or remark is one line of text", "bad_desc")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        _fail("a text holds half of a surrogate pair", "bad_desc")
    return value


def _sorted(wanted: Sequence[str], found: Sequence[str]) -> None:
    if list(wanted) != list(found):
        _fail("categories and keys stand by name", "order_violation")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys occur once; for `object_pairs_hook`."""
    out = dict(pairs)
    if len(out) < len(pairs):
        _fail("a key occurs twice", "unexpected_keys")
    return out


def no_constant(name: str) -> NoReturn:
    """NaN and infinities are no numbers here; for `parse_constant`."""
    _fail(f"{name} is no number", "bad_number")


def _fail(reason: str, rule: Rule = "syntax") -> NoReturn:
    raise CoordJsonError(0, reason, rule)
