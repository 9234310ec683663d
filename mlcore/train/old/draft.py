"""The new config while it is made, and what became of every old key."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mlcore.train.old.beside import Beside

Status = Literal["carried", "removed", "unsupported", "unknown"]
STATUSES: tuple[Status, ...] = ("carried", "removed", "unsupported", "unknown")
"""carried: the meaning stands under another key; removed: nothing to write, or something else to
do; unsupported: this version has no such thing; unknown: a key that no older version is known for
"""
TRUE, FALSE = ("true", "yes", "y", "on", "1"), ("false", "no", "n", "off", "0")


class NotCarried(Exception):
    """An old value without an exact counterpart: its status and the reason, for the report."""

    def __init__(self, status: Status, note: str) -> None:
        super().__init__(note)
        self.status: Status = status
        self.note = note


def flag(value: Any) -> bool:
    """A switch in any of the forms that older configs allowed."""
    text = str(value).lower()
    if text not in TRUE + FALSE:
        raise NotCarried("unsupported", f"{value!r} is neither on nor off")
    return text in TRUE


def number(value: Any) -> float:
    """A finite number, also as text, as older parsers took `5e-5`."""
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise NotCarried("unsupported", f"{value!r} is no number")
    return found


@dataclass(frozen=True)
class Made:
    """New keys, dotted, with their values; and what a person should know about them."""

    values: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True)
class Fate:
    """What became of one old key. `to` are the new keys that now say it."""

    key: str
    value: Any
    status: Status
    to: tuple[str, ...] = ()
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "key": self.key, "value": self.value, "status": self.status,
            "to": list(self.to), "note": self.note,
        }


@dataclass
class Draft:
    """`old` is the composed old config, `beside` what can be read of the files that it names.

    `new` holds dotted keys; `origin` which old key gave each; `fill_in` what a person must write,
    by new key; `settings` what was written although no old key said it, and why.
    """

    old: Mapping[str, Any]
    beside: Beside
    new: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    fates: list[Fate] = field(default_factory=list)
    fill_in: dict[str, str] = field(default_factory=dict)
    settings: dict[str, tuple[Any, str]] = field(default_factory=dict)

    def given(self, key: str) -> Any:
        """The old value at a dotted key, None where there is none."""
        value: Any = self.old
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    @property
    def fused(self) -> bool:
        """Whether the old run learned from several datasets."""
        return bool(self.given("custom.fusion_config"))

    def take(self, key: str, value: Any, made: Made) -> None:
        """Write what an old key became. What an earlier row of the table said is not changed."""
        said = [new for new in made.values if new in self.new]
        differing = [new for new in said if self.new[new] != made.values[new]]
        if differing:
            first = self.origin.get(differing[0], "another key")
            note = f"{differing[0]} is {self.new[differing[0]]!r} already, by {first}"
            self.tell(key, value, "removed", note=note)
            return
        for new, data in made.values.items():
            self.new[new] = data
            self.origin.setdefault(new, key)
        self.tell(key, value, "carried", tuple(made.values), made.note)

    def withdraw(self, new: str, why: str) -> None:
        """Take back what an earlier row wrote: a person fills it in."""
        self.new.pop(new, None)
        self.origin.pop(new, None)
        self.fill_in[new] = why
        self.fates = [
            replace(fate, to=tuple(key for key in fate.to if key != new), note=why)
            if new in fate.to
            else fate
            for fate in self.fates
        ]

    def tell(
        self, key: str, value: Any, status: Status, to: tuple[str, ...] = (), note: str = ""
    ) -> None:
        """Add to the report."""
        self.fates.append(Fate(key, value, status, to, note))

    def set(self, key: str, value: Any, why: str) -> None:
        """Write a key that no old key said, unless one did."""
        if key not in self.new:
            self.new[key] = value
            self.settings[key] = (value, why)
