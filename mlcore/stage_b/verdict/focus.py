"""What a mission's checklist (G0) is about: keywords, and whether a subject is one of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CONNECTIVES = (
    *("至少需要检测到", "需要检测到", "需要判断", "检测到", "需要", "判断", "至少", "同时", "如果"),
    *("并且", "以及", "若", "则", "且", "和", "与", "或", "的"),
    *("符合要求", "符合", "合格", "正确", "规范", "整齐"),
    *("是否", "能否", "有没有", "有无", "每颗", "每个", "都在", "在图中"),
)
"""what stands between the things of a checklist, and what is demanded of them"""
_SPLIT = re.compile(r"[\s，。；：、,.;:/（）()「」]+")
_EMPTY = frozenset({"要求", "通过", "不通过"})
_MOUNT = "安装"
_ANCHOR = "设备"
"""a keyword that ends so names the thing in which the others are found"""


@dataclass(frozen=True)
class Focus:
    """The checklist as text and the words in it that a subject can match."""

    text: str
    keywords: tuple[str, ...]

    def names(self, subject: str) -> bool:
        """Whether the checklist is about a subject. One without keywords is about nothing.

        Where it names a device (`…设备`) and other things, the device alone is the place of the
        inspection, not its object.
        """
        matched = [word for word in self.keywords if word in subject or subject in word]
        if not matched:
            return False
        others = [word for word in self.keywords if not word.endswith(_ANCHOR)]
        return not others or any(not word.endswith(_ANCHOR) for word in matched)


def focus_of(text: str) -> Focus:
    """The focus of a checklist text."""
    plain = text
    for word in _CONNECTIVES:
        plain = plain.replace(word, " ")
    words: dict[str, None] = {}
    for token in _SPLIT.split(plain):
        if len(token) < 2 or token in _EMPTY:
            continue
        words[token] = None
        rest = token.removeprefix(_MOUNT)
        if rest != token and len(rest) >= 2:
            words[rest] = None
    return Focus(text, tuple(words))
