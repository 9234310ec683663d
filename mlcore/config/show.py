"""A resolved config as rows for people: each value with where it came from, and two compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlcore.config.load import LoadedConfig
from mlcore.config.overrides import is_runtime


@dataclass(frozen=True)
class Row:
    """One value by its dotted path, and where it came from: `file:line`, `--set`, `input` or
    `default`. `runtime` keys may be set from outside: they say where and how, not what."""

    path: str
    value: Any
    origin: str
    runtime: bool


@dataclass(frozen=True)
class Difference:
    """One path at which two configs differ. A side without the key is None."""

    path: str
    a: Row | None
    b: Row | None

    @property
    def runtime(self) -> bool:
        """Whether it can be set from outside, so that two runs may differ in it."""
        return all(row.runtime for row in (self.a, self.b) if row is not None)


def rows(loaded: LoadedConfig) -> list[Row]:
    """Every value of a config, defaults too, in the order of its model."""
    model = type(loaded.model)
    return [
        Row(path, value, loaded.provenance[path], is_runtime(model, path.split(".")))
        for path, value in leaves(loaded.resolved)
    ]


def differences(a: LoadedConfig, b: LoadedConfig) -> list[Difference]:
    """Every path at which the resolved values differ, whichever files wrote them.

    A section that only one of the two has is one difference.
    """
    left = {row.path: row for row in rows(a)}
    right = {row.path: row for row in rows(b)}
    found = {}
    for path in dict.fromkeys([*left, *right]):
        if path in left and path in right:
            if left[path].value != right[path].value:
                found[path] = Difference(path, left[path], right[path])
        elif path in left:
            whole = _only(path, right)
            found.setdefault(whole, Difference(whole, _section(a, whole, left[path]), None))
        else:
            whole = _only(path, left)
            found.setdefault(whole, Difference(whole, None, _section(b, whole, right[path])))
    return list(found.values())


def _only(path: str, others: Mapping[str, Row]) -> str:
    """The widest section around `path` that holds nothing of the other config."""
    parts = path.split(".")
    for length in range(1, len(parts)):
        head = ".".join(parts[:length])
        if not any(other == head or other.startswith(f"{head}.") for other in others):
            return head
    return path


def _section(loaded: LoadedConfig, path: str, first: Row) -> Row:
    """The row of a section whose first value is `first`, or that row itself."""
    if path == first.path:
        return first
    value: Any = loaded.resolved
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return Row(path, value, loaded.provenance.get(path, first.origin), first.runtime)


def leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted paths and values. Lists of plain values stay whole; those of sections are opened."""
    if isinstance(value, dict) and value:
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        yield prefix, value
        return
    for key, item in items:
        yield from leaves(item, f"{prefix}.{key}" if prefix else key)
