"""Salvage: every right object of a text, whatever stands around it.

One pass with one regular expression finds what no quotes can hide, since it holds bare quotes
itself: right objects, beginnings of wrong ones, and beginnings of a list of objects. What stands
between them is walked sign by sign, with strings as wholes, to see which braces belong together.
Each character is looked at a fixed number of times, so time grows linearly with the text.
"""
from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

from mlcore.coordjson.cursor import Cursor
from mlcore.coordjson.errors import AnswerError, Rule
from mlcore.coordjson.shape import BLANK, COLON, STRING

Item = TypeVar("Item")
Part = tuple[int, int]
"""first character, one past the last"""
Drop = tuple[Rule, Part]
"""what looked like an object and is not a right one"""


@dataclass(frozen=True)
class Kept(Generic[Item]):
    """A right object. `index` counts from 0 what was kept or dropped before it; `span` is the
    object, `geometry_span` its list of coordinates."""

    item: Item
    index: int
    span: Part
    geometry_span: Part


@dataclass(frozen=True)
class Salvaged(Generic[Item]):
    """What a text holds.

    `truncated`: it ends inside an object or a list of objects. `objects_array_open_cut`: the
    place after the sign that opens the first list; None without one. `record_end_cuts`: the
    places after each closed object, right or not, in their order.
    """

    records: tuple[Kept[Item], ...]
    drops: tuple[Drop, ...]
    truncated: bool
    objects_array_open_cut: int | None
    record_end_cuts: tuple[int, ...]

    @property
    def items(self) -> list[Item]:
        return [record.item for record in self.records]

    @property
    def dropped(self) -> dict[Rule, int]:
        """How many were dropped for which reason, in the order of the reasons' names."""
        return dict(sorted(Counter(rule for rule, _ in self.drops).items()))


class Grammar(ABC, Generic[Item]):
    """What the scan must know about a grammar."""

    anchor: ClassVar[re.Pattern[str]]
    """groups `record`, `open` and `start`; each match begins with `{`"""
    container: ClassVar[Literal["list", "map"]]
    """whether objects stand in a list or are the values of an object"""
    beginnings: ClassVar[tuple[str, ...]]
    """with what an answer or object begins, without blanks"""
    keys: ClassVar[frozenset[str]]
    """the keys that an object may begin with"""

    @abstractmethod
    def item(self, found: re.Match[str]) -> tuple[Item, Part] | None:
        """The object of the group `record` and its list's span; None when it is not right."""

    @abstractmethod
    def cursor(self, text: str, start: int, stop: int) -> Cursor:
        """A strict reader of the object at `start`."""


_QUOTED = r'"(?:[^"\\]++|\\.)*+"'
_LEAF = rf'(?:[^{{}}"]++|{_QUOTED})*+\}}'
_TOKEN = re.compile(rf'{_QUOTED}?|\{{{_LEAF}|[{{}}\[\]]|[^"{{}}\[\]]++', re.DOTALL)
"""a string, also one that does not end; an object without objects in it; a sign; other words"""
_END = re.compile(_LEAF, re.DOTALL)
_ENTRY = re.compile(r"[^, \t\n\r:][^,]*+")
_FIRST_KEY = re.compile(rf'\{{{BLANK}(?:(\}})|"desc"{COLON}([^"])|{STRING})?')
"""groups: the end, what stands in place of a description's text, the key"""
_DESC_FIRST = re.compile(rf'\{{{BLANK}"desc"{COLON}"([^"\\]++)"')
_TAIL = re.compile(rf'\{{{BLANK}(?:"[a-z0-9_]*+(?:"{BLANK}(?::{BLANK}\[?)?)?)?')
_SQUEEZE = re.compile(r"[ \t\n\r]++|(?<=object_)[0-9]++")
_SHORT = 64
"""up to this length the reasons against objects of the same text are looked up; after a right
description only what follows it matters"""
_ENTRY_DEPTH = {"outside": -1, "record": -1, "list": 1, "map": 0}
"""how many brackets are open where the entries of a container stand"""


class _Frame:
    """A brace that matters, or what stands outside all. `depth` counts the brackets open in it;
    `plain` has one count of them for each brace in it that does not matter.

    In a container `slot` is 0 at the start of an entry, 1 after a key and 2 after its value.
    """

    __slots__ = ("depth", "entry_depth", "kind", "plain", "slot", "start")

    def __init__(self, kind: Literal["outside", "record", "list", "map"], start: int) -> None:
        self.kind = kind
        self.start = start
        self.entry_depth = _ENTRY_DEPTH[kind]
        self.depth = 1 if kind == "list" else 0
        self.slot = 1 if kind == "map" else 0
        self.plain: list[int] = []

    def at_entries(self) -> bool:
        """Whether an entry of a container stands here."""
        return self.depth == self.entry_depth and not self.plain


class Scan(Generic[Item]):
    """One pass over one text."""

    def __init__(self, text: str, grammar: Grammar[Item]) -> None:
        self.text = text
        self.grammar = grammar
        self.stack = [_Frame("outside", 0)]
        self.open_lists = 0
        self.records: list[Kept[Item]] = []
        self.drops: list[Drop] = []
        self.cuts: list[int] = []
        self.open_cut: int | None = None
        self.known: dict[str, Rule] = {}

    def run(self) -> Salvaged[Item]:
        """Read the whole text. Raises nothing."""
        at = after = 0
        anchors = self.grammar.anchor.finditer(self.text)
        found = next(anchors, None)
        while found is not None:
            self._between(at, found.start())
            following = next(anchors, None)
            at = self._anchor(found, following.start() if following else len(self.text))
            after = found.end()
            found = following
        self._between(at, len(self.text))
        truncated = self._left_open() or self._begins(self.text.rfind("{", after))
        return Salvaged(
            tuple(self.records), tuple(self.drops), truncated, self.open_cut, tuple(self.cuts)
        )

    def _anchor(self, found: re.Match[str], limit: int) -> int:
        """Take an anchor; the next one is at `limit`. Returns up to where the text is done."""
        start, stop = found.span()
        if self.stack[-1].at_entries():
            self.stack[-1].slot = 2
        if found.lastgroup == "record":
            read = self.grammar.item(found)
            if read is None:
                self._wrong(start, stop)
            else:
                index = len(self.records) + len(self.drops)
                self.records.append(Kept(read[0], index, (start, stop), read[1]))
                self.cuts.append(stop)
        elif found.lastgroup == "start":
            end = _END.match(self.text, stop, limit)
            if end:
                stop = end.end()
                self._wrong(start, stop)
            else:
                self.stack.append(_Frame("record", start))
        else:
            kind = self.grammar.container
            self.stack.append(_Frame(kind, start))
            self.open_lists += kind == "list"
            if self.open_cut is None:
                self.open_cut = stop if kind == "list" else start + 1
        return stop

    def _between(self, at: int, stop: int) -> None:
        """Walk over what stands between two anchors."""
        top = self.stack[-1]
        for piece in _TOKEN.findall(self.text, at, stop) if at < stop else ():
            sign = piece[0]
            if sign == "{":
                top = self._brace(top, at, at + len(piece))
            elif sign == "}":
                if top.plain:
                    top.plain.pop()
                elif top.kind != "outside":
                    top = self._close_brace(top, at + 1)
            elif sign == "[":
                if top.plain:
                    top.plain[-1] += 1
                else:
                    if top.depth == top.entry_depth:
                        self._no_object(top, at, at + 1)
                    top.depth += 1
            elif sign == "]":
                top = self._close_bracket(top, at)
            elif top.depth == top.entry_depth and not top.plain:
                self._words(top, piece, at)
            at += len(piece)

    def _brace(self, top: _Frame, at: int, stop: int) -> _Frame:
        """An object without objects in it, or a brace."""
        entry = top.at_entries() and top.slot != 2
        if entry:
            top.slot = 2
        if stop > at + 1:
            if entry:
                self._wrong(at, stop)
        elif entry:
            top = _Frame("record", at)
            self.stack.append(top)
        else:
            top.plain.append(0)
        return top

    def _close_brace(self, top: _Frame, after: int) -> _Frame:
        self.stack.pop()
        if top.kind == "record":
            self._wrong(top.start, after)
        elif top.kind == "list" and top.depth:
            self.open_lists -= 1
        return self.stack[-1]

    def _close_bracket(self, top: _Frame, at: int) -> _Frame:
        """Close a list. One that is not open in this brace ends the list of objects around it,
        and with it whatever was left open in between."""
        if top.plain and top.plain[-1]:
            top.plain[-1] -= 1
            return top
        if top.plain or not top.depth:
            if not self.open_lists:
                return top
            while top.kind != "list" or not top.depth:
                self.stack.pop()
                if top.kind == "record":
                    self.drops.append((self._rule(top.start, at), (top.start, at)))
                top = self.stack[-1]
            top.plain.clear()
        top.depth -= 1
        self.open_lists -= top.kind == "list" and not top.depth
        return top

    def _words(self, frame: _Frame, piece: str, at: int) -> None:
        """Count entries that are words, numbers or texts."""
        stop = at + len(piece)
        if piece[0] == '"':
            if frame.kind == "map" and frame.slot == 0:
                frame.slot = 1
            else:
                self._no_object(frame, at, stop)
            return
        first, comma, _ = piece.partition(",")
        if first.strip(" \t\n\r:"):
            self._no_object(frame, at, at + len(first))
        if comma:
            frame.slot = 0
            for found in _ENTRY.finditer(self.text, at + len(first) + 1, stop):
                self.drops.append(("not_an_object", found.span()))
                frame.slot = 2 if found.end() == stop else 0

    def _no_object(self, frame: _Frame, start: int, stop: int) -> None:
        if frame.slot != 2:
            self.drops.append(("not_an_object", (start, stop)))
            frame.slot = 2

    def _wrong(self, start: int, stop: int) -> None:
        """Drop a closed object."""
        self.drops.append((self._rule(start, stop), (start, stop)))
        self.cuts.append(stop)

    def _rule(self, start: int, stop: int) -> Rule:
        """Why the object of this place is not right."""
        at = start
        found = _DESC_FIRST.match(self.text, start, stop)
        if found and found[1].isprintable() and not found[1].isspace():
            at = found.end(1)
        text = self.text[at:stop] if stop - at <= _SHORT else ""
        rule = self.known.get(text)
        if rule is None:
            rule = self._reason(start, stop)
            if text:
                self.known[text] = rule
        return rule

    def _reason(self, start: int, stop: int) -> Rule:
        first = _FIRST_KEY.match(self.text, start, stop)
        if first is None or first.lastindex is None:
            return "syntax"
        if first[1]:
            return "missing_desc"
        if first[2]:
            return "bad_desc"
        if first[3] not in self.grammar.keys:
            return "unexpected_keys"
        try:
            self.grammar.cursor(self.text, start, stop).entry()
        except AnswerError as error:
            return error.rule
        return "syntax"

    def _left_open(self) -> bool:
        """Whether a list or an object is still open; such objects are dropped."""
        for frame in self.stack:
            if frame.kind == "record":
                self.drops.append(("truncated", (frame.start, len(self.text))))
        return len(self.stack) > 1

    def _begins(self, at: int) -> bool:
        """Whether the text ends within the first signs of an answer or an object."""
        found = _TAIL.fullmatch(self.text, at) if at >= 0 else None
        if found is None:
            return False
        head = _SQUEEZE.sub("", found[0])
        return any(beginning.startswith(head) for beginning in self.grammar.beginnings)
