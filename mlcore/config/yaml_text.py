"""Plain data as YAML text, in block style with comments. `read_yaml` gives the same data back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlcore.config.yaml_tree import Path

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
"""texts that some reader takes for something else"""


@dataclass(frozen=True)
class Comments:
    """Comment lines `above` a path and one `beside` its value, without the `#`.

    A null with a comment beside it is written as nothing, so that there is room for a value.
    """

    above: Mapping[Path, Sequence[str]] = field(default_factory=dict)
    beside: Mapping[Path, str] = field(default_factory=dict)


def yaml_text(data: Mapping[str, Any], comments: Comments | None = None) -> str:
    """The text of a mapping of JSON values."""
    lines = _mapping(data, (), comments or Comments())
    return "\n".join(lines) + "\n" if data else "{}\n"


def _mapping(data: Mapping[str, Any], path: Path, comments: Comments) -> Iterator[str]:
    indent = "  " * len(path)
    for key, value in data.items():
        here = (*path, key)
        yield from (f"{indent}# {line}" for line in comments.above.get(here, ()))
        text = comments.beside.get(here)
        beside = f"  # {text}" if text else ""
        head = f"{indent}{_scalar(key)}:"
        if isinstance(value, Mapping) and value:
            yield head + beside
            yield from _mapping(value, here, comments)
        elif isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value):
            yield head + beside
            yield from _items(value, here, comments)
        elif value is None and beside:
            yield head + beside
        else:
            yield f"{head} {_scalar(value)}{beside}"


def _items(items: Sequence[Any], path: Path, comments: Comments) -> Iterator[str]:
    indent = "  " * len(path)
    for at, item in enumerate(items):
        if not isinstance(item, Mapping) or not item:
            yield f"{indent}- {_scalar(item)}"
            continue
        rows = list(_mapping(item, (*path, at), comments))
        # The first row of an item shares its line with the dash; a comment line cannot.
        first = next(n for n, row in enumerate(rows) if not row.lstrip().startswith("#"))
        yield from (indent + row.lstrip() for row in rows[:first])
        yield f"{indent}- {rows[first].lstrip()}"
        yield from rows[first + 1 :]


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if PLAIN.fullmatch(value) and value.lower() not in WORDS:
            return value
        # Characters that YAML calls unprintable stand as escapes.
        return json.dumps(value, ensure_ascii=not value.isprintable())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_scalar(item) for item in value) + "]"
    if isinstance(value, Mapping):
        pairs = (f"{_scalar(key)}: {_scalar(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    return json.dumps(value)
