"""Regular expressions of what both grammars have in common.

Every repetition is possessive: a pattern either matches at a place or fails there, without going
back, so that a text costs what it is long.
"""
from __future__ import annotations

import json

BLANK = r"[ \t\n\r]*+"
STRING = r'"([^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+)"'
"""a JSON string as RFC 8259 writes it; its group is what stands between the quotes"""
COLON = rf"{BLANK}:{BLANK}"
COMMA = rf"{BLANK},{BLANK}"


def record_body(geometry: str) -> str:
    """An object after its `{` and blanks, up to and with its `}`, in either order of its keys.

    Groups: the description, those of `geometry`; those of `geometry`, the description.
    """
    desc = rf'"desc"{COLON}{STRING}'
    return rf"(?:{desc}{COMMA}{geometry}|{geometry}{COMMA}{desc}){BLANK}\}}"


def unquoted(inner: str) -> str:
    """The text that stands for what a JSON string has between its quotes."""
    return str(json.loads(f'"{inner}"')) if "\\" in inner else inner
