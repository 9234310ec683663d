"""A description that called an object complete, when the picture shows only a part of it.

Whole tokens change, never text: `可见性=完整` in the form of keys and values, `显示完整` in the
form of levels. What a remark or a label's own text says stays.
"""

from __future__ import annotations

from functools import lru_cache

from mlcore.contract.desc import FREE_TEXT_KEYS, REMARK_KEY

KEY, COMPLETE, PARTIAL = "可见性", "完整", "部分"
LEVEL_COMPLETE, LEVEL_PARTIAL = "显示完整", "只显示部分"
LABEL = "标签"
"""the class whose next level is the text of a label"""


@lru_cache(maxsize=65536)
def as_partial(desc: str) -> str:
    """The description of the same object, of which only a part is seen."""
    return _keys(desc) if "=" in desc else _levels(desc)


def _keys(desc: str) -> str:
    """As `attributes_of` reads it: after a free text only a key that is new ends that text."""
    out, seen, last = [], set(), ""
    for token in desc.split(","):
        key, sep, value = token.partition("=")
        if sep and key and not (last in FREE_TEXT_KEYS and key in seen):
            seen.add(key)
            last = key
            if key == KEY and value == COMPLETE:
                token = f"{KEY}={PARTIAL}"
        elif token and last not in FREE_TEXT_KEYS:
            seen.add(REMARK_KEY)
            last = REMARK_KEY
        out.append(token)
    return ",".join(out)


def _levels(desc: str) -> str:
    levels = desc.split("/")
    if levels[0] == LABEL:
        return desc
    out = []
    remark = False
    for level in levels:
        tokens = []
        for token in level.split(","):
            remark = remark or token.startswith((f"{REMARK_KEY}:", f"{REMARK_KEY}："))
            tokens.append(LEVEL_PARTIAL if token == LEVEL_COMPLETE and not remark else token)
        out.append(",".join(tokens))
    return "/".join(out)
