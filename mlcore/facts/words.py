"""The words by which a text says that something is wrong, unclear, asked or denied.

One list for facts, guards, prompts and the checks of generated rules.
"""

from __future__ import annotations

import re

from mlcore.contract.desc import NEGATIVE_MARKERS
from mlcore.contract.domains import OPPOSITES

TRIGGERS = (
    *("未按要求", "方向不正确", "不符合要求", "不符合", "不合格", "不合理"),
    *("未安装", "未配备", "错误", "缺失", "松动", "损坏", "反向"),
)
"""what counts as a fault in free text; longer words first, so that each place is found once"""
PATTERN_TRIGGER = "不符合要求/"
"""before a fault that no list knows: `不符合要求/ISSUE`"""
NEGATIONS = ("未发现明显", "未见明显", "未发现", "未见", "不存在", "没有", "无明显", "无")
"""directly before a trigger they deny it"""
QUESTIONS = ("是否", "能否", "是不是")
"""directly before a trigger they ask for it"""
PENDING = ("无法确认", "不能确认", "无法判断", "只显示部分", "模糊")
"""a clause with one of these is unclear: what it names is neither there nor missing"""
REVIEW_MARK = "需复核"
"""older summaries mark a remark with it; it says nothing about the verdict"""
THIRD_STATES = (
    *("需人工复核", "需复核", "need-review", "needreview", "证据不足", "待定"),
    *("通过但需复核", "通过但需人工复核"),
)
"""a verdict is one of two; a reason with one of these avoids it"""

_VISIBILITY = frozenset({"完整", "部分"})
_NEEDED = frozenset({"免装", "空间充足需安装"})
"""what a device needs is no finding about it"""
BAD = frozenset(bad for _, bad in OPPOSITES) - _VISIBILITY - _NEEDED
GOOD = (frozenset(good for good, _ in OPPOSITES) - _VISIBILITY - _NEEDED) | {"可读"}
PARTIAL = frozenset({"部分", "显示部分"})
"""an object of which only a part is seen: what is said of it is uncertain"""
PROBLEM_KEYS = frozenset({"问题"})
"""attributes whose every value is a fault"""
_DENIED = re.compile(
    f"(?:{'|'.join([*NEGATIONS, *QUESTIONS])})(?:{'|'.join([*TRIGGERS, '异常', '问题'])})"
)


def is_pending(text: str) -> bool:
    """Whether a text says that something cannot be told."""
    return any(word in text for word in PENDING) or REVIEW_MARK in text


def denied(before: str) -> bool:
    """Whether what follows `before` is denied or only asked for."""
    return before.endswith(NEGATIONS) or before.endswith(QUESTIONS)


def negative(key: str, value: str) -> bool:
    """Whether a value of an attribute is a fault."""
    if key in PROBLEM_KEYS or value in BAD:
        return True
    if value in GOOD or value in _VISIBILITY or value in _NEEDED:
        return False
    stated = _DENIED.sub("", value)
    return any(marker in stated for marker in (*NEGATIVE_MARKERS, *TRIGGERS))
