"""Reading an annotation in XML, with the line of every element.

The parser refuses document types, so entities cannot grow or reach outside the file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

MAX_BYTES = 1 << 30
MAX_DEPTH = 50


@dataclass
class Node:
    """An element: its tag, first line (from 1), attributes, text and children."""

    tag: str
    line: int
    attributes: dict[str, str]
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def child(self, tag: str) -> Node | None:
        return next((c for c in self.children if c.tag == tag), None)

    def value(self, tag: str) -> str:
        """The stripped text of a child, empty when it is absent."""
        found = self.child(tag)
        return found.text.strip() if found is not None else ""


@dataclass(frozen=True)
class BadXml:
    """Why a file is not usable at all."""

    line: int
    message: str


class _RefusedError(Exception):
    """The file has something that annotations never need."""


def read_xml(path: Path, root: str) -> Node | BadXml:
    """The root element of a file, which must have the tag `root`; or why there is none."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return BadXml(0, f"is larger than {MAX_BYTES:,} bytes")
        found = _parse(path.read_bytes())
    except OSError as error:
        return BadXml(0, f"cannot be read: {error.strerror}")
    except expat.ExpatError as error:
        return BadXml(error.lineno, f"not complete XML: {expat.ErrorString(error.code)}")
    except _RefusedError as error:
        return BadXml(1, str(error))
    if found.tag != root:
        return BadXml(found.line, f"the root element is {found.tag!r}, not {root!r}")
    return found


def number(text: str) -> float:
    """A finite number, NaN for anything else."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def whole(text: str) -> int:
    """A whole number above 0, 0 for anything else."""
    value = number(text)
    return int(value) if value > 0 and value.is_integer() else 0


def _parse(data: bytes) -> Node:
    parser = expat.ParserCreate()
    top = Node("", 0, {})
    stack = [top]

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(stack) > MAX_DEPTH:
            raise _RefusedError(f"is nested deeper than {MAX_DEPTH} elements")
        node = Node(tag, parser.CurrentLineNumber, attributes)
        stack[-1].children.append(node)
        stack.append(node)

    def end(tag: str) -> None:
        stack.pop()

    def text(value: str) -> None:
        stack[-1].text += value

    def doctype(*declaration: object) -> None:
        raise _RefusedError("declares a document type, which is not accepted")

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    parser.Parse(data, True)
    return top.children[0]
