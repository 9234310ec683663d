"""YAML text to plain data with a position for every key: the only place that reads YAML.

YAML 1.2 through ruamel's composer, so `no` is a string, `1e-5` a float and `012` the integer 12.
Refused, each with its position and all at once where the text can be parsed at all: duplicate
keys, anchors, aliases and merges (a bomb costs nothing, since they are seen as events before
anything is built), tags, dates, non-string keys, infinities and NaN, several documents.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, DocumentStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlcore.errors import Problem

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
Path = tuple[str | int, ...]
OUTSIDE = ("--set", "input")
"""where values come from that stand in no file"""
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Position:
    """Where a value stands. Line and column count from 1; what stands in no file has only a name
    (`--set`, `input`)."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return self.file if self.file in OUTSIDE else f"{self.file}:{self.line}"


@dataclass
class YamlTree:
    """Plain data, the position of every path in it, and everything wrong with the text."""

    data: Any = None
    positions: dict[Path, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_yaml(text: str, filename: str) -> YamlTree:
    """Parse one document. Never raises for bad text: problems say what is wrong."""
    return _read(text, filename, _Builder)


def read_foreign_yaml(text: str, filename: str) -> YamlTree:
    """`read_yaml` for files that other tools write: numbers as keys become their text."""
    return _read(text, filename, _ForeignBuilder)


def _read(text: str, filename: str, builder: type[_Builder]) -> YamlTree:
    tree = YamlTree()
    if len(text.encode()) > MAX_BYTES:
        tree.problems.append(Problem(filename, 1, 1, "(yaml)", f"larger than {MAX_BYTES:,} bytes"))
        return tree
    yaml = YAML(typ="safe", pure=True)
    try:
        _refuse_events(yaml, text, filename, tree)
        if not tree.problems:
            node = YAML(typ="safe", pure=True).compose(text)
            builder(filename, tree).build_root(node)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = str(error.problem or error.context or "cannot be parsed")
        if "\\t" in message or "'\t'" in message or _tab_at(text, line):
            message = "a tab is used for indentation; YAML allows only spaces"
        tree.problems.append(Problem(filename, line, column, "(yaml)", message))
    except YAMLError as error:
        tree.problems.append(Problem(filename, 1, 1, "(yaml)", str(error).splitlines()[0]))
    return tree


def read_comments(text: str) -> tuple[dict[int, str], dict[int, str]]:
    """Comments by their line, from 1: those on lines of their own, and those after a value.

    For a text that `read_yaml` finds nothing wrong with.
    """
    ends: dict[int, int] = {}
    for token in YAML(typ="safe", pure=True).scan(text):
        for row in range(token.start_mark.line, token.end_mark.line):
            ends[row] = MAX_BYTES
        last = token.end_mark
        # What ends at the start of a line leaves that line to what follows.
        ends[last.line] = max(ends.get(last.line, 0), last.column)
    alone: dict[int, str] = {}
    beside: dict[int, str] = {}
    for number, line in enumerate(text.split("\n")):
        rest = line[ends.get(number, 0) :].strip()
        if rest.startswith("#"):
            found = alone if line.strip() == rest else beside
            found[number + 1] = rest.lstrip("#").strip()
    return alone, beside


def _tab_at(text: str, line: int) -> bool:
    lines = text.splitlines()
    near = lines[max(0, line - 2) : line]
    return any("\t" in row[: len(row) - len(row.lstrip())] for row in near)


def _refuse_events(yaml: YAML, text: str, filename: str, tree: YamlTree) -> None:
    documents = 0
    for event in yaml.parse(text):
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, AliasEvent):
            message = "aliases are not allowed; write the value out or use extends"
            tree.problems.append(Problem(filename, line, column, "(yaml)", message))
        elif isinstance(event, NodeEvent) and event.anchor is not None:
            message = "anchors are not allowed; write the value out or use extends"
            tree.problems.append(Problem(filename, line, column, "(yaml)", message))
        elif isinstance(event, DocumentStartEvent):
            documents += 1
            if documents == 2:
                tree.problems.append(
                    Problem(filename, line, column, "(yaml)", "more than one document")
                )


class _Builder:
    def __init__(self, filename: str, tree: YamlTree) -> None:
        self.filename = filename
        self.tree = tree

    def build_root(self, node: Node | None) -> None:
        if not isinstance(node, MappingNode):
            self.tree.problems.append(
                Problem(self.filename, 1, 1, "(yaml)", "must be a mapping that starts with `kind:`")
            )
            return
        self.tree.positions[()] = Position(self.filename, 1, 1)
        self.tree.data = self._build(node, ())

    def _problem(self, node: Node, path: Path, message: str) -> None:
        mark = node.start_mark
        self.tree.problems.append(
            Problem(self.filename, mark.line + 1, mark.column + 1, dotted(path), message)
        )

    def _build(self, node: Node, path: Path) -> Any:
        if len(path) > MAX_DEPTH:
            self._problem(node, path, f"nested deeper than {MAX_DEPTH} levels")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            if node.tag != _TAG + "seq":
                self._problem(node, path, f"the tag {node.tag} is not allowed")
            return [self._item(child, (*path, i)) for i, child in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self._scalar(node, path)

    def _item(self, node: Node, path: Path) -> Any:
        self.tree.positions[path] = self._position(node)
        return self._build(node, path)

    def _position(self, node: Node) -> Position:
        return Position(self.filename, node.start_mark.line + 1, node.start_mark.column + 1)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        if node.tag != _TAG + "map":
            self._problem(node, path, f"the tag {node.tag} is not allowed")
        out: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            here = (*path, key)
            if key in first:
                self._problem(key_node, here, f"duplicate key, first on line {first[key]}")
                continue
            first[key] = key_node.start_mark.line + 1
            self.tree.positions[here] = self._position(key_node)
            out[key] = self._build(value_node, here)
        return out

    def _key(self, node: ScalarNode, path: Path) -> str | None:
        if node.tag != _TAG + "str":
            self._problem(node, path, f"the key {node.value!r} must be a plain string; quote it")
            return None
        return self._text(node, node.value, path)

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        kind = str(node.tag).removeprefix(_TAG)
        text = str(node.value)
        match kind:
            case "str":
                return self._text(node, text, path)
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return self._integer(node, text, path)
            case "float":
                return self._float(node, text, path)
            case "timestamp":
                self._problem(node, path, "a date is not allowed here; quote it to make it text")
            case _:
                self._problem(node, path, f"the tag {node.tag} is not allowed")
        return None

    def _text(self, node: ScalarNode, text: str, path: Path) -> str | None:
        """Join the surrogate pairs that JSON escapes leave; a lone one is no character."""
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._problem(node, path, "holds half of a surrogate pair, which is no character")
            return None

    def _integer(self, node: ScalarNode, text: str, path: Path) -> int | None:
        digits = text.replace("_", "").lower()
        base = 16 if "0x" in digits else 8 if "0o" in digits else 2 if "0b" in digits else 10
        if len(digits) > 30:
            self._problem(node, path, "an integer of more than 30 digits")
            return None
        return int(digits, base)

    def _float(self, node: ScalarNode, text: str, path: Path) -> float | None:
        plain = text.replace("_", "").lower()
        if "inf" in plain or "nan" in plain:
            self._problem(node, path, "infinity and NaN are not allowed")
            return None
        value = float(plain)
        if not math.isfinite(value):
            self._problem(node, path, "the number is too large")
            return None
        return value


class _ForeignBuilder(_Builder):
    def _key(self, node: ScalarNode, path: Path) -> str | None:
        return str(node.value) if node.tag == _TAG + "int" else super()._key(node, path)


def dotted(path: Path) -> str:
    """`("a", 0, "b")` as `a.0.b`; the root as `(root)`."""
    return ".".join(str(part) for part in path) or "(root)"
