"""The line that some models are taught to write before an answer:

    <DOMAIN=BBU>, <TASK=DETECTION>
"""
from __future__ import annotations

import re
from dataclasses import dataclass

from mlcore.coordjson.types import FieldOrder
from mlcore.objectjson.errors import ObjectJsonError
from mlcore.objectjson.parse import parse_strict
from mlcore.objectjson.scale import PlainObject, Scale

_LINE = re.compile(r"<DOMAIN=([^<>,\r\n]{1,64}+)>, <TASK=([A-Z]{1,32}+)>\n")
DETECTION = "DETECTION"


@dataclass(frozen=True)
class Prefix:
    """The first line of an answer. `end` is where the answer itself begins."""

    domain: str
    task: str
    end: int


def read_prefix(text: str) -> Prefix | None:
    """The line before an answer; None when the text does not begin with one."""
    found = _LINE.match(text)
    return Prefix(found[1], found[2], found.end()) if found else None


def parse_prefixed(
    text: str, scale: Scale, field_order: FieldOrder = "desc_first"
) -> tuple[Prefix | None, list[PlainObject]]:
    """The line before an answer, if there is one, and the objects of the answer, strictly.

    Raises ObjectJsonError as `parse_strict` does, its position in the whole text, and when the
    line names another task.
    """
    prefix = read_prefix(text)
    if prefix is None:
        return None, parse_strict(text, scale, field_order)
    if prefix.task != DETECTION:
        reason = f"the first line must name the task {DETECTION}, names {prefix.task}"
        raise ObjectJsonError(0, reason, "bad_prefix")
    try:
        return prefix, parse_strict(text[prefix.end :], scale, field_order)
    except ObjectJsonError as error:
        raise ObjectJsonError(error.position + prefix.end, error.reason, error.rule) from error
