"""The description of an object: `类别=BBU安装螺丝,符合性=不符合,问题=未拧紧`.

Comma separated `key=value`. A token without `=` belongs to the free text before it (a remark may
hold commas); with no free text before it, it is a remark. A description without any `=` is itself
the class, as in `RBC`. Several values of one key are joined by `|`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

CLASS_KEY = "类别"
REMARK_KEY = "备注"
FREE_TEXT_KEYS = frozenset({"文本", REMARK_KEY})
NEGATIVE_MARKERS = (
    *("不符合", "不合规", "不合格", "不合理", "错误", "不可读", "未"),
    *("无保护", "无标签", "无套管", "散乱"),
)


@lru_cache(maxsize=65536)
def class_of(desc: str) -> str:
    """The class of a description: the value of `类别`, else its first `/` level, else all of it."""
    if "=" in desc:
        found = attributes_of(desc).get(CLASS_KEY)
        if found:
            return found
    return desc.split("/", 1)[0].strip()


def attributes_of(desc: str) -> dict[str, str]:
    """The keys and values of a description, in its order, without the class of a bare one."""
    out: dict[str, str] = {}
    if "=" not in desc:
        return out
    last = ""
    for token in desc.split(","):
        key, sep, value = token.partition("=")
        known_free = last in FREE_TEXT_KEYS
        if sep and key and not (known_free and key in out):
            out[key] = value
            last = key
        elif known_free:
            out[last] += "," + token
        elif token:
            _append_remark(out, token)
            last = REMARK_KEY
    return out


def _append_remark(out: dict[str, str], token: str) -> None:
    out[REMARK_KEY] = out[REMARK_KEY] + "," + token if REMARK_KEY in out else token


def make_desc(name: str, attributes: Mapping[str, str] | None = None) -> str:
    """`类别=name` and the attributes in their order."""
    parts = [f"{CLASS_KEY}={name}"]
    parts += [f"{key}={value}" for key, value in (attributes or {}).items()]
    return ",".join(parts)


def is_negative(desc: str) -> bool:
    """True when any attribute (free text aside) says that something is not as it must be."""
    values = (v for k, v in attributes_of(desc).items() if k not in FREE_TEXT_KEYS | {CLASS_KEY})
    return any(marker in value for value in values for marker in NEGATIVE_MARKERS)
