"""`extends`: one config on top of others, with the origin of every key kept.

`extends: base.yaml` or a list of names, relative to the file that says so; `recipe:demo/sft.yaml`
names a shipped recipe. Mappings merge key by key, lists and scalars replace. A section whose
`type` changes replaces the parent's section whole: keys of another variant mean nothing in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from mlcore.config.yaml_tree import Path, Position, YamlTree, read_yaml
from mlcore.errors import Problem

RECIPES = FilePath(__file__).resolve().parent.parent / "recipes"
MAX_PARENTS = 16


@dataclass(frozen=True)
class Source:
    """One YAML file as read."""

    path: str
    text: str


@dataclass
class Composed:
    """The merged data, where each path came from, every source and every problem."""

    data: dict[str, Any] = field(default_factory=dict)
    positions: dict[Path, Position] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


Opener = Callable[[str, str], Source]
"""(name as written in `extends`, path of the file that wrote it) -> the source; raises OSError"""


def open_beside(name: str, child: str) -> Source:
    """The opener for files: recipes by scheme, anything else relative to the child file."""
    path = _recipe(name) if name.startswith("recipe:") else FilePath(child).parent / name
    return Source(str(path), path.read_text(encoding="utf-8"))


def open_recipe_only(name: str, child: str) -> Source:
    """The opener for texts without a folder: only shipped recipes can be extended."""
    if not name.startswith("recipe:"):
        raise OSError("only shipped recipes (recipe:NAME) can be extended here")
    path = _recipe(name)
    return Source(str(path), path.read_text(encoding="utf-8"))


def _recipe(name: str) -> FilePath:
    path = (RECIPES / name.removeprefix("recipe:")).resolve()
    if not path.is_relative_to(RECIPES):
        raise OSError("a recipe's name cannot leave the recipe folder")
    return path


def compose(source: Source, opener: Opener) -> Composed:
    """Read a source and everything it extends, parents first."""
    out = Composed()
    _add(source, opener, out, ())
    return out


def _add(source: Source, opener: Opener, out: Composed, chain: tuple[str, ...]) -> None:
    tree = read_yaml(source.text, source.path)
    out.problems.extend(tree.problems)
    if isinstance(tree.data, dict):
        for name in _parents(tree, source, out):
            _add_parent(name, source, tree, opener, out, (*chain, source.path))
        data = {key: value for key, value in tree.data.items() if key != "extends"}
        _merge(out.data, data, (), tree, out.positions)
        out.positions.setdefault((), tree.positions[()])
    out.sources.append(source)


def _parents(tree: YamlTree, source: Source, out: Composed) -> list[str]:
    value = tree.data.get("extends", [])
    names = [value] if isinstance(value, str) else value
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return names
    at = tree.positions[("extends",)]
    out.problems.append(
        Problem(source.path, at.line, at.column, "extends", "must be a file name or a list of them")
    )
    return []


def _add_parent(
    name: str, child: Source, tree: YamlTree, opener: Opener, out: Composed, chain: tuple[str, ...]
) -> None:
    at = tree.positions[("extends",)]
    try:
        parent = opener(name, child.path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        message = f"cannot read {name}: {reason or error}"
        out.problems.append(Problem(child.path, at.line, at.column, "extends", message))
        return
    if parent.path in chain or len(chain) > MAX_PARENTS:
        message = f"{name} extends itself through {' -> '.join(chain)}"
        out.problems.append(Problem(child.path, at.line, at.column, "extends", message))
        return
    _add(parent, opener, out, chain)


def _merge(
    base: dict[str, Any],
    over: dict[str, Any],
    path: Path,
    tree: YamlTree,
    positions: dict[Path, Position],
) -> None:
    for key, value in over.items():
        here = (*path, key)
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and not _other_variant(old, value):
            positions[here] = tree.positions[here]
            _merge(old, value, here, tree, positions)
            continue
        for known in [p for p in positions if p[: len(here)] == here]:
            del positions[known]
        base[key] = value
        positions.update({p: at for p, at in tree.positions.items() if p[: len(here)] == here})


def _other_variant(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return "type" in new and "type" in old and new["type"] != old["type"]
