"""Whether a text may become a rule: general, decided, and not against what must not change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mlcore.facts.words import THIRD_STATES
from mlcore.stage_b.clean import one_line
from mlcore.stage_b.ticket import Verdict
from mlcore.stage_b.verdict.focus import focus_of
from mlcore.stage_b.verdict.rules import parse_rule

MOST_TEXT, MOST_RATIONALE, MOST_FALSIFIER = 160, 60, 80
"""characters"""
FORBIDDEN = (
    *THIRD_STATES,
    "复核",
    "佐证",
    "进一步确认",
    "不应直接",
    "不宜直接",
    "人工判断",
    "酌情",
)
"""words by which a rule avoids a verdict"""
_SUMMARY = re.compile(r"标签/|image_|×\s*\d|备注\s*[:：]|类别\s*=|\{\s*\"|分组统计|统计\s*[:=：]")
_CHAIN = re.compile(r"[^/\s]+/[^/\s]+/")
_IMAGE = re.compile(r"(?:图片?|image)\s*_?\s*\d|第\s*\d+\s*(?:张|幅|组)", re.IGNORECASE)
_TICKET = re.compile(r"::|\bQC-[A-Za-z]+-|\d{6,}")
_SITE = re.compile(
    r"[\u4e00-\u9fff]{2,8}(?:县|镇|乡|街道|大道)|[\u4e00-\u9fffA-Za-z0-9]{2,8}(?:基站|局站|机房)"
)
_GENERAL = re.compile("每个|所有|同一|任一|各个|全部|如果|该|本|若|当|在")
"""words before a place that name none"""
_TWICE = re.compile(r"不(?:能|可|得|应)不|并非不|不是不|无不")


def text_fault(text: str, groups: Iterable[str] = ()) -> str:
    """Why a text cannot be a rule, empty where it can. `groups` are ids that it must not name."""
    if not text:
        return "the text is empty"
    if len(text) > MOST_TEXT:
        return f"a text of {len(text)} characters, most is {MOST_TEXT}"
    if _SUMMARY.search(text) or _CHAIN.search(text):
        return "the text copies a summary"
    named = _TICKET.search(text) or _IMAGE.search(text)
    if named or any(len(group) > 2 and group in text for group in groups):
        return "the text names a ticket or an image"
    if _SITE.search(_GENERAL.sub("，", text)):
        return "the text names a site"
    if _TWICE.search(text):
        return "the text denies twice"
    return words_fault(text)


def words_fault(text: str) -> str:
    """Why a rationale or a falsifier cannot be kept: it avoids a verdict."""
    lowered = text.lower()
    word = next((word for word in FORBIDDEN if word in lowered), None)
    return f"the text says {word!r}" if word else ""


def leaning(text: str) -> Verdict | None:
    """What a text leads to; None where it names no verdict or both."""
    rule = parse_rule(text)
    if rule is not None:
        return "fail" if rule.effect == "fail" else "pass"
    fails = "不通过" in text or "未通过" in text
    passes = "通过" in text.replace("不通过", "").replace("未通过", "")
    if fails == passes:
        return None
    return "fail" if fails else "pass"


def conflict(text: str, scaffold: Sequence[str]) -> str:
    """The invariant that a text contradicts, empty for none: both name the same thing and lead to
    opposite verdicts."""
    mine = leaning(text)
    for invariant in scaffold:
        other = leaning(invariant)
        if mine is None or other is None or mine == other:
            continue
        words = [word for word in focus_of(invariant).keywords if "通过" not in word]
        if any(word in text for word in words):
            return invariant
    return ""


def hypothesis_fault(
    text: str, falsifier: str, dimension: str, scaffold: Sequence[str], groups: Iterable[str]
) -> str:
    """Why a hypothesis cannot be kept, empty where it can."""
    fault = text_fault(text, groups)
    if fault:
        return fault
    if leaning(text) is None:
        return "the text leads to no verdict"
    if conflict(text, scaffold):
        return "the text contradicts an invariant"
    if not falsifier or len(falsifier) > MOST_FALSIFIER:
        return f"a falsifier has 1 to {MOST_FALSIFIER} characters"
    if dimension.strip().lower() in ("brand", "品牌"):
        return "a brand is nothing to judge by"
    return words_fault(falsifier)


def plain(text: str | None) -> str:
    """A text of a reply on one line, empty for none."""
    return one_line(text or "")
