"""The shipped recipes as starting points of a launch."""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mlcore.config.compose import RECIPES
from mlcore.config.yaml_tree import read_yaml
from mlcore.kinds import KINDS


@dataclass(frozen=True)
class Recipe:
    """`name` is the path below the recipe folder; `summary` its first comment line."""

    name: str
    kind: str
    summary: str
    text: str


@lru_cache(maxsize=1)
def shipped_recipes() -> tuple[Recipe, ...]:
    """Every recipe that is a whole config (names a kind), by kind and name."""
    found = []
    for path in sorted(RECIPES.rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        data = read_yaml(text, path.name).data
        kind = data.get("kind") if isinstance(data, dict) else None
        if kind in KINDS:
            name = path.relative_to(RECIPES).as_posix()
            found.append(Recipe(name, str(kind), _first_comment(text), text))
    order = list(KINDS)
    return tuple(sorted(found, key=lambda r: (order.index(r.kind), r.name)))


def recipe(name: str) -> Recipe | None:
    """The recipe of that name."""
    return next((r for r in shipped_recipes() if r.name == name), None)


def _first_comment(text: str) -> str:
    for line in text.splitlines():
        if line.startswith("#"):
            return line.lstrip("# ").strip()
        if line.strip():
            break
    return ""
