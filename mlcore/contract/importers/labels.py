"""Descriptions as a label with attributes, the shape in which other formats hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlcore.contract.desc import CLASS_KEY, attributes_of, make_desc

SEPARATORS = str.maketrans({",": "，", "=": "＝", "\n": " ", "\r": " ", "\t": " "})
"""what would change the structure of a description, as full-width twins"""


def split_desc(desc: str) -> tuple[str, dict[str, str]]:
    """A label and attributes from which `join_desc` makes the same description again.

    `类别=A,符合性=符合` becomes ("A", {"符合性": "符合"}); a description that is no list of keys,
    or a class alone, stays one label.
    """
    attributes = attributes_of(desc)
    label = attributes.pop(CLASS_KEY, "")
    if label and attributes and join_desc(label, attributes) == desc:
        return label, attributes
    return desc, {}


def join_desc(label: str, attributes: Mapping[str, Any]) -> str:
    """The description of a label with attributes; the label alone where it has none.

    True and false are written as such, null and empty values are left out, lists are joined by
    `|` as it joins values already, and other separators inside keys and values become their
    full-width twins.
    """
    known = {_clean(str(key)): _value(value) for key, value in attributes.items()}
    kept = {key: value for key, value in known.items() if key and value}
    return make_desc(label, kept) if kept else label


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "|".join(part for part in map(_value, value) if part)
    return _clean(str(value))


def _clean(text: str) -> str:
    return text.translate(SEPARATORS).strip()
