"""The other answer of a model: an image's summary, `description×N，description×N`."""
from __future__ import annotations

import re

from mlcore.coordjson.errors import CoordJsonError

IRRELEVANT = "无关图片"
"""the whole summary of an image that shows nothing to inspect"""
_COUNT = re.compile(r"×([1-9][0-9]{0,5}+)(?:，|$)")


def parse_summary(text: str) -> dict[str, int]:
    """How often a summary names each description; {} for an irrelevant image.

    Time grows linearly with the text. Raises CoordJsonError for anything else: a missing or zero
    count, a blank or repeated description, a line break, a comma at the end.
    """
    if text == IRRELEVANT:
        return {}
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
