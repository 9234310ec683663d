"""The summary of one image: what is seen and how often, without coordinates and on one line.

Two forms. Text: `desc×N，desc×N`, grouped by the whole description. JSON: one line of statistics
per category, with the counts of every observed attribute value.
"""
from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from mlcore.contract.desc import CLASS_KEY, REMARK_KEY, attributes_of
from mlcore.contract.domains import (
    CATEGORIES,
    DOMAINS,
    GROUP_KEY,
    OPPOSITES,
    STATION_DISTANCE,
    Domain,
)
from mlcore.contract.records import Record
from mlcore.coordjson.summary import GROUPS, IRRELEVANT, REMARKS, STATISTICS
from mlcore.errors import DataError
from mlcore.near import did_you_mean

__all__ = ["IRRELEVANT", "domain_of", "json_summary", "resummarise", "text_summary"]

_FREE = "文本"
_TEXT_FORM = re.compile(r"(?s).+×[1-9][0-9]*")


def text_summary(descs: Sequence[str]) -> str:
    """`desc×N，desc×N`: shorter descriptions first, ties by first appearance; "" for none."""
    counts = Counter(descs)
    return "，".join(f"{desc}×{n}" for desc, n in sorted(counts.items(), key=lambda i: len(i[0])))


def json_summary(descs: Sequence[str], domain: Domain, *, where: str = "") -> str:
    """One line of JSON statistics: `{"统计": [{"类别": c, KEY: {value: count}}], ...}`.

    Categories are sorted by name, RRU's station distances first; keys of attributes are sorted,
    values stand by name; several values of one key count one each. `备注` (BBU) lists every remark
    once, `分组统计` (RRU) counts objects by group; both only where there is something to say.

    Raises DataError naming `where` (the record) when there is nothing to summarise, a description
    is empty or has no class, the domain does not know its class, one key has a value and its
    opposite, or a key belongs to the other domain.
    """
    if not descs:
        raise DataError("there is no object to summarise", where=where)
    tables: dict[str, dict[str, Counter[str]]] = {}
    remarks: dict[str, None] = {}
    groups: Counter[str] = Counter()
    for desc in descs:
        values = _checked(desc, domain, where)
        remark = values.pop(REMARK_KEY, "").strip()
        if remark:
            remarks[remark] = None
        table = tables.setdefault(values.pop(CLASS_KEY), {})
        for key, value in values.items():
            found = _values(key, value)
            table.setdefault(key, Counter()).update(found)
            if key == GROUP_KEY:
                groups.update(found)
    out: dict[str, Any] = {
        STATISTICS: [
            {CLASS_KEY: name, **{key: _sorted(table[key]) for key in sorted(table)}}
            for name, table in sorted(tables.items(), key=_category_order)
        ]
    }
    if remarks:
        out[REMARKS] = list(remarks)
    if groups:
        out[GROUPS] = _sorted(groups)
    return json.dumps(out, ensure_ascii=False, separators=(", ", ": "))


def resummarise(record: Record) -> str | None:
    """The summary of the record's objects in the form that its own summary has.

    None for a record without a summary and for one that has no object left. An irrelevant image
    stays one. Raises DataError when the summary is in neither form: it was written by hand and
    cannot be made again.
    """
    summary = record.summary
    if summary is None or summary == IRRELEVANT:
        return summary
    descs = [item.desc for item in record.objects]
    if summary.startswith("{"):
        domain = domain_of(record)
        return json_summary(descs, domain, where=record.id) if descs else None
    if not _TEXT_FORM.fullmatch(summary):
        raise DataError(
            "the summary is neither `desc×N` nor JSON statistics, so it cannot be made again",
            hint="Leave out crops and other operations that drop objects for such records.",
            where=record.id,
        )
    return text_summary(descs) or None


def domain_of(record: Record) -> Domain:
    """Which family a record with JSON statistics is of.

    Its metadata's `domain` decides; else what the statistics themselves name. Raises DataError
    when they are not our statistics or fit neither family.
    """
    named = record.metadata.get("domain")
    for domain in DOMAINS:
        if named == domain:
            return domain
    try:
        stored = json.loads(record.summary or "")
        classes = {str(row[CLASS_KEY]) for row in stored[STATISTICS]}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"the summary is no JSON statistics: {error!r}", where=record.id) from error
    fitting = [d for d in DOMAINS if classes <= CATEGORIES[d].keys()]
    if not fitting:
        raise DataError(
            "the summary names categories of neither family", where=record.id,
            hint='Set metadata.domain to "bbu" or "rru".',
        )
    has_groups = GROUPS in stored or any(
        GROUP_KEY in attributes_of(item.desc) for item in record.objects
    )
    return "rru" if "rru" in fitting and has_groups else fitting[0]


def _checked(desc: str, domain: Domain, where: str) -> dict[str, str]:
    """The attributes of a description that may be summarised in this domain."""
    if not desc.strip():
        raise DataError("a description is empty", where=where)
    values = attributes_of(desc)
    name = values.get(CLASS_KEY, "")
    if not name:
        raise DataError(f"a description has no {CLASS_KEY}: {desc!r}", where=where)
    if name not in CATEGORIES[domain]:
        raise DataError(
            f"{name!r} is no category of {domain}: {desc!r}",
            hint=did_you_mean(name, CATEGORIES[domain]), where=where,
        )
    stranger = GROUP_KEY if domain == "bbu" else REMARK_KEY
    if stranger in values:
        raise DataError(f"descriptions of {domain} have no {stranger}: {desc!r}", where=where)
    for key, value in values.items():
        found = set(_values(key, value))
        for good, bad in OPPOSITES:
            if good in found and bad in found:
                raise DataError(f"{key} is both {good} and {bad}: {desc!r}", where=where)
    return values


def _values(key: str, value: str) -> list[str]:
    """The values of one key: free text is one, the others are joined by `|`."""
    parts = [value] if key == _FREE else value.split("|")
    return [part for part in parts if part]


def _category_order(item: tuple[str, object]) -> tuple[bool, str]:
    return item[0] != STATION_DISTANCE, item[0]


def _sorted(counts: Counter[str]) -> dict[str, int]:
    """Counts by name, numbers by their size."""
    return {name: counts[name] for name in sorted(counts, key=_number_first)}


def _number_first(name: str) -> tuple[bool, int, str]:
    number = name.isascii() and name.isdigit()
    return not number, int(name) if number else 0, name
