"""From the summary of an image to facts. Both forms of summaries, and what stands beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mlcore.contract.desc import CLASS_KEY, FREE_TEXT_KEYS, REMARK_KEY, attributes_of, class_of
from mlcore.coordjson.errors import CoordJsonError
from mlcore.coordjson.summary import IRRELEVANT, Statistics, parse_statistics, parse_summary
from mlcore.facts.fact import Certainty, Fact, ImageFacts, certainty_of, polarity_of
from mlcore.facts.words import PARTIAL, REVIEW_MARK

VISIBILITY = "可见性"
_REMARK_MARK = re.compile(rf"(?:{REVIEW_MARK}[,，]\s*)?{REMARK_KEY}[:：]\s*")
_TRAILING_REMARK = re.compile(rf"[，,；;\s]*(?<![=\w]){REMARK_KEY}:(?P<remark>[^×]*)$")


def facts_of(summary: str, image: int) -> ImageFacts:
    """What a summary says. Never raises: one in no known form comes back as `unparsed`.

    Understands `desc×N，desc×N`, one line of JSON statistics, 无关图片, and a remark after the text
    form. `需复核,备注:` introduces a remark like any other and decides nothing.
    """
    text = _REMARK_MARK.sub(f"{REMARK_KEY}:", summary.strip())
    if text.startswith(IRRELEVANT):
        return ImageFacts(image, irrelevant=True)
    try:
        if text.startswith("{"):
            return _of_statistics(parse_statistics(text), image)
        body, remarks = _without_remark(text)
        return _of_descriptions(parse_summary(body) if body else {}, remarks, image)
    except CoordJsonError:
        return ImageFacts(image, unparsed=text)


def _without_remark(text: str) -> tuple[str, tuple[str, ...]]:
    found = _TRAILING_REMARK.search(text)
    if found is None:
        return text, ()
    remark = found["remark"].strip()
    return text[: found.start()], (remark,) if remark else ()


def _of_statistics(statistics: Statistics, image: int) -> ImageFacts:
    facts: list[Fact] = []
    for subject, keys in statistics.categories.items():
        counts = [sum(values.values()) for values in keys.values()]
        facts.append(Fact(image, subject, count=max([1, *counts])))
        for key, values in keys.items():
            if key not in FREE_TEXT_KEYS:
                facts += [_fact(image, subject, key, value, n) for value, n in values.items()]
    return ImageFacts(image, tuple(sorted(facts)), statistics.remarks)


def _of_descriptions(counts: Mapping[str, int], remarks: tuple[str, ...], image: int) -> ImageFacts:
    found: dict[tuple[str, str, str, Certainty], int] = {}
    texts = list(remarks)
    for desc, n in counts.items():
        subject, values = class_of(desc), _values(desc)
        remark = values.pop(REMARK_KEY, "").strip()
        if remark:
            texts.append(remark)
        partial = values.get(VISIBILITY) in PARTIAL
        _count(found, (subject, "", "", "certain"), n)
        for key, joined in values.items():
            for value in _parts(joined):
                # Part of a thing can show a fault, but not that the whole is well.
                unclear = partial and polarity_of(key, value) == "positive"
                certainty = "uncertain" if unclear else certainty_of(value)
                _count(found, (subject, key, value, certainty), n)
    facts = [
        Fact(image, subject, key, value, polarity_of(key, value), certainty, n)
        for (subject, key, value, certainty), n in found.items()
    ]
    return ImageFacts(image, tuple(sorted(facts)), tuple(dict.fromkeys(texts)))


def _values(desc: str) -> dict[str, str]:
    """Attributes of a description; levels of the older `CLASS/LEVEL,LEVEL` count as 描述."""
    if "=" in desc:
        skipped = FREE_TEXT_KEYS - {REMARK_KEY} | {CLASS_KEY}
        return {k: v for k, v in attributes_of(desc).items() if k not in skipped}
    levels = re.split(r"[/,]", desc)[1:]
    words = [level.strip() for level in levels if level.strip()]
    return {"描述": "|".join(words)} if words else {}


def _parts(value: str) -> Iterable[str]:
    return [part for part in value.split("|") if part]


def _count(
    found: dict[tuple[str, str, str, Certainty], int], key: tuple[str, str, str, Certainty], n: int
) -> None:
    found[key] = found.get(key, 0) + n


def _fact(image: int, subject: str, key: str, value: str, count: int) -> Fact:
    return Fact(image, subject, key, value, polarity_of(key, value), certainty_of(value), count)
