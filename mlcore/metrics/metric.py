"""One metric: its name or pattern, unit, reduction and direction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from mlcore.errors import GatehouseError

Reduction = Literal["mean", "sum", "last", "max", "ratio"]
"""how the values of several steps, or of several ranks, become one: a ratio is the sum of its
numerators over the sum of its denominators"""
Direction = Literal["higher", "lower", "none"]
"""which way is better"""
_LABEL = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}"
"""a dataset's name in a mixture"""
_TYPES = "desc|coord|format|summary|text"
"""of tokens: `mlcore.chat.token_types`"""
_HOLES = {"dataset": _LABEL, "type": f"(?:{_TYPES})"}
_WORD = r"[a-z0-9_]+"
_HOLE = re.compile(r"\{(\w+)\}")


class UndeclaredMetricError(GatehouseError):
    """A metric that nobody declared: a mistake of the code that tells it."""

    code: ClassVar[str] = "undeclared_metric"


@dataclass(frozen=True)
class Metric:
    """A figure over steps.

    `name` may hold `{dataset}`, which stands for the name of a dataset, `{type}` for a type of
    tokens, and other words in braces, each for one lower-case word. `about` is for people.
    """

    name: str
    unit: str
    reduction: Reduction
    direction: Direction
    about: str

    @property
    def fixed(self) -> bool:
        """Whether the name is one name and no pattern."""
        return "{" not in self.name

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What its names look like: a group for each hole."""
        parts = _HOLE.split(self.name)
        for place in range(1, len(parts), 2):
            parts[place] = f"({_HOLES.get(parts[place], _WORD)})"
        literal = [re.escape(p) if i % 2 == 0 else p for i, p in enumerate(parts)]
        return re.compile("".join(literal))
