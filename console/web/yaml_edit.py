"""Edits of a YAML text at a dotted path that leave comments and order as they are."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from textwrap import indent
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from mlcore.config.yaml_tree import read_yaml

LONGEST_LINE = 4096


class UnreadableTextError(Exception):
    """The text is not a YAML mapping, so there is nothing to edit at a path."""


def values_of(text: str) -> dict[str, Any]:
    """The plain values of a YAML mapping. Raises UnreadableTextError."""
    tree = read_yaml(text, "config.yaml")
    if tree.data is None and tree.problems:
        raise UnreadableTextError(str(tree.problems[0]))
    if not isinstance(tree.data, dict):
        raise UnreadableTextError("the text is not a mapping")
    return tree.data


def with_value(text: str, path: str, value: Any) -> str:
    """The text with a value at a dotted path; missing groups are made on the way.

    A number in the path is an item of a list, which must be there. Raises UnreadableTextError.
    """
    tree = _parse(text)
    *groups, last = path.split(".")
    node: Any = tree
    for part in groups:
        key = _key(node, part, path)
        if isinstance(node, CommentedMap) and not isinstance(
            node.get(key), CommentedMap | CommentedSeq
        ):
            node[key] = CommentedMap()
        node = node[key]
        if not isinstance(node, CommentedMap | CommentedSeq):
            raise UnreadableTextError(f"{path}: {part} is neither a group nor a list")
    node[_key(node, last, path)] = value
    return _dump(tree)


def with_item(text: str, path: str, item: Any) -> str:
    """The text with one more item in the list at a dotted path, which is made when missing.

    Raises UnreadableTextError where something else stands there.
    """
    tree = _parse(text)
    *groups, last = path.split(".")
    node = tree
    for part in groups:
        if not isinstance(node.get(part), CommentedMap):
            node[part] = CommentedMap()
        node = node[part]
    if node.get(last) is None:
        node[last] = CommentedSeq()
    if not isinstance(node[last], CommentedSeq):
        raise UnreadableTextError(f"{path} is not a list")
    node[last].append(item)
    return _dump(tree)


def line_of(text: str, path: Sequence[str | int]) -> tuple[int, int]:
    """Line and column, from 1, of what stands at a path, or of the nearest part above it."""
    positions = read_yaml(text, "config.yaml").positions
    for length in range(len(path), -1, -1):
        at = positions.get(tuple(path[:length]))
        if at is not None:
            return at.line, at.column
    return 1, 1


def _key(node: CommentedMap | CommentedSeq, part: str, path: str) -> str | int:
    if isinstance(node, CommentedMap):
        return part
    if not part.isdigit() or int(part) >= len(node):
        raise UnreadableTextError(f"{path}: the list has no item {part}")
    return int(part)


def text_of(values: dict[str, Any]) -> str:
    """YAML of plain values."""
    out = StringIO()
    _yaml().dump(values, out)
    return out.getvalue()


def without(text: str, path: str) -> str:
    """The text without the key at a dotted path; a group left empty goes with it."""
    tree = _parse(text)
    *groups, last = path.split(".")
    trail = [tree]
    for part in groups:
        child = trail[-1].get(part)
        if not isinstance(child, CommentedMap):
            return text
        trail.append(child)
    trail[-1].pop(last, None)
    for depth in range(len(groups), 0, -1):
        if not trail[depth]:
            trail[depth - 1].pop(groups[depth - 1], None)
    return _dump(tree)


def parse_fragment(raw: str) -> Any:
    """The value of a YAML fragment typed into one field. Raises UnreadableTextError."""
    tree = read_yaml(
        f"value: {raw}" if "\n" not in raw else "value:\n" + indent(raw, "  "), "field"
    )
    if tree.problems:
        raise UnreadableTextError(str(tree.problems[0]))
    return tree.data["value"]


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = LONGEST_LINE
    return yaml


def _parse(text: str) -> CommentedMap:
    """The text with its comments. Checked first by the strict reader: no aliases, not too large."""
    if text.strip():
        values_of(text)
    try:
        tree = _yaml().load(text)
    except YAMLError as error:
        raise UnreadableTextError(str(error)) from error
    if tree is None:
        return CommentedMap()
    if not isinstance(tree, CommentedMap):
        raise UnreadableTextError("the text is not a mapping")
    return tree


def _dump(tree: CommentedMap) -> str:
    out = StringIO()
    _yaml().dump(tree, out)
    return out.getvalue()
