"""Reading one Pascal VOC annotation, with the line of every box.

The parser refuses document types, so entities cannot grow or reach outside the file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from mlcore.contract.pictures import Fault

CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass
class Node:
    """An element: its tag, first line (from 1), text and children."""

    tag: str
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def child(self, tag: str) -> Node | None:
        return next((c for c in self.children if c.tag == tag), None)

    def value(self, tag: str) -> str:
        """The stripped text of a child, empty when it is absent."""
        found = self.child(tag)
        return found.text.strip() if found is not None else ""


@dataclass(frozen=True)
class VocBox:
    """One `object`: corners as written (pixels), or the fault that makes it unusable."""

    line: int
    name: str
    corners: tuple[float, float, float, float]
    truncated: bool
    difficult: bool
    fault: Fault | None


@dataclass(frozen=True)
class VocAnnotation:
    """The stated size (0 where the file has none) and every `object`, in file order."""

    width: int
    height: int
    boxes: tuple[VocBox, ...]


@dataclass(frozen=True)
class BadXml:
    """Why a file is not usable at all."""

    line: int
    message: str


class _DoctypeError(Exception):
    """The file declares a document type."""


def read_annotation(path: Path) -> VocAnnotation | BadXml:
    """The annotation in a file, or why there is none."""
    try:
        root = _parse(path.read_bytes())
    except OSError as error:
        return BadXml(0, f"cannot be read: {error.strerror}")
    except expat.ExpatError as error:
        return BadXml(error.lineno, f"not complete XML: {expat.ErrorString(error.code)}")
    except _DoctypeError:
        return BadXml(1, "declares a document type, which is not accepted")
    if root.tag != "annotation":
        return BadXml(root.line, f"the root element is {root.tag!r}, not 'annotation'")
    size = root.child("size")
    width = _whole(size.value("width")) if size is not None else 0
    height = _whole(size.value("height")) if size is not None else 0
    boxes = tuple(_box(node) for node in root.children if node.tag == "object")
    return VocAnnotation(width, height, boxes)


def _parse(data: bytes) -> Node:
    parser = expat.ParserCreate()
    top = Node("", 0)
    stack = [top]

    def start(tag: str, attributes: dict[str, str]) -> None:
        node = Node(tag, parser.CurrentLineNumber)
        stack[-1].children.append(node)
        stack.append(node)

    def end(tag: str) -> None:
        stack.pop()

    def text(value: str) -> None:
        stack[-1].text += value

    def doctype(*declaration: object) -> None:
        raise _DoctypeError

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    parser.Parse(data, True)
    return top.children[0]


def _box(node: Node) -> VocBox:
    name = node.value("name")
    bounds = node.child("bndbox")
    written = [bounds.value(key) if bounds is not None else "" for key in CORNERS]
    numbers = [_number(value) for value in written]
    fault = None
    if not name:
        fault = Fault("voc.name", "has no class name")
    elif any(math.isnan(n) for n in numbers):
        shown = ", ".join(f"{k}={v!r}" for k, v in zip(CORNERS, written, strict=True))
        fault = Fault("voc.box", f"needs four finite corners: {shown}")
    x0, y0, x1, y1 = numbers
    flags = node.value("truncated") == "1", node.value("difficult") == "1"
    return VocBox(node.line, name, (x0, y0, x1, y1), *flags, fault)


def _number(text: str) -> float:
    """A finite number, NaN for anything else."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _whole(text: str) -> int:
    value = _number(text)
    return int(value) if value > 0 and value.is_integer() else 0
