"""CoordJSON text to objects, strictly: a text is right in every detail or it is refused.

    text    = { "objects" : [ objects ] }
    object  = { "desc" : STRING , GEOMETRY : [ COORD , ... ] }     or the geometry first
    COORD   = <|coord_N|>, N = 0..999 without leading zeros, bare

Blanks (JSON's four) may stand between the signs. Refused: anything before or after, a trailing or
doubled comma, an unknown or repeated key, numbers or quoted coordinates, reversed corners.

Right objects are read by one regular expression each. From the first one that it does not take,
the cursor goes on, which knows the grammar sign by sign and says what is wrong.
"""
from __future__ import annotations

import re
from itertools import islice
from typing import ClassVar

from mlcore.coordjson.cursor import Cursor, Geometry, shown
from mlcore.coordjson.errors import AnswerError, CoordJsonError
from mlcore.coordjson.shape import BLANK, COLON, COMMA, record_body, unquoted
from mlcore.coordjson.types import (
    BINS,
    KINDS,
    MIN_VALUES,
    CoordObject,
    FieldOrder,
    Kind,
    bins_fault,
    desc_fault,
)


def geometry_shape(inside: str) -> str:
    """Groups: the kind, and what its list holds."""
    return rf'"(bbox_2d|poly|line)"{COLON}\[({inside})\]'


_TOKEN = r"<\|coord_(?:0|[1-9][0-9]{0,2}+)\|>"
TOKENS = rf"{BLANK}{_TOKEN}(?:{COMMA}{_TOKEN})*+{BLANK}"
_HEAD = re.compile(rf'{BLANK}\{{{BLANK}"objects"{COLON}\[{BLANK}')
_NEXT = re.compile(
    rf"\{{{BLANK}{record_body(geometry_shape('[^]]*+'))}"
    rf"{BLANK}(?:,{BLANK}|(\]{BLANK}\}}{BLANK})\Z)|(.+)",
    re.DOTALL,
)
"""an object and what follows it: the next one or the end; or else all the rest of the text, so
that nothing is ever stepped over. What a list holds is looked up in _BIN."""
_LIST = re.compile(TOKENS)
_WHOLE_LIST = re.compile(rf"\[{TOKENS}\]")
_COORD = re.compile(r"<\|coord_(0|[1-9][0-9]{0,2})\|>")
_DIGITS = re.compile(r"[0-9]+")
_BIN = {f"<|coord_{value}|>": value for value in range(BINS)}


def bin_of_token(text: str) -> int | None:
    """The bin that a coordinate token stands for; None for any other text."""
    return _BIN.get(text)


def parse_strict(text: str, field_order: FieldOrder = "desc_first") -> list[CoordObject]:
    """The objects that a model's answer names, in its order.

    `field_order` says which key each object gives first; `any` takes either. Time and memory grow
    linearly with the text. Raises CoordJsonError and nothing else, whatever the text holds.
    """
    head = _HEAD.match(text)
    objects: list[CoordObject] = []
    if head is None:
        CoordCursor(text, field_order).document(objects)
    elif not _read_right_ones(text, head.end(), field_order, objects):
        at = head.end()
        for found in islice(_NEXT.finditer(text, at), len(objects)):
            at = found.end()
        CoordCursor(text, field_order, at).rest(objects)
    return objects


def _read_right_ones(
    text: str, at: int, field_order: FieldOrder, objects: list[CoordObject]
) -> bool:
    """Read objects until one is not right (False) or the answer has ended (True)."""
    words: dict[str, str] = {}
    for inner, kind, tokens, kind_2, tokens_2, inner_2, end, _ in _NEXT.findall(text, at):
        if kind and field_order != "geometry_first":
            item = read_object(inner, kind, tokens, words)
        elif kind_2 and field_order != "desc_first":
            item = read_object(inner_2, kind_2, tokens_2, words)
        else:
            return False
        if item is None:
            return False
        objects.append(item)
        if end:
            return True
    return False


def read_object(
    inner: str, kind: Kind, tokens: str, words: dict[str, str]
) -> CoordObject | None:
    """The object of what stands between the quotes and between the brackets; None when it is not
    right. `words` keeps descriptions that were right before."""
    desc = words.get(inner)
    if desc is None:
        desc = unquoted(inner)
        if (not desc.isprintable() or desc.isspace()) and desc_fault(desc):
            return None
        words[inner] = desc
    try:
        bins = tuple([_BIN[token] for token in tokens.split(", ")])
    except KeyError:  # no coordinates, or other blanks than the usual ones
        if _LIST.fullmatch(tokens) is None:
            return None
        bins = tuple([int(digits) for digits in _DIGITS.findall(tokens)])
    if kind == "bbox_2d":
        if len(bins) != 4 or bins[0] > bins[2] or bins[1] > bins[3]:
            return None
    elif len(bins) < MIN_VALUES[kind] or len(bins) % 2:
        return None
    return CoordObject(desc, kind, bins)


class CoordCursor(Cursor):
    """A cursor over CoordJSON."""

    error: ClassVar[type[AnswerError]] = CoordJsonError
    keys: ClassVar[frozenset[str]] = frozenset({"desc", *KINDS})

    def document(self, objects: list[CoordObject]) -> None:
        """Read a whole answer."""
        self.expect("{")
        start = self.next()
        key = self.key("the key 'objects'")
        if key != "objects":
            reason = f"the top key must be 'objects', is {shown(key)}"
            self.fail(start, reason, "unexpected_keys")
        self.expect(":")
        self.expect("[")
        self.rest(objects)

    def rest(self, objects: list[CoordObject]) -> None:
        """Read from after the `[`, or from after the comma that follows the objects so far."""
        if not objects and self.peek() == "]":
            self.at += 1
        else:
            objects.append(CoordObject(*self.entry()))
            while not self.comma_or("]"):
                objects.append(CoordObject(*self.entry()))
        if self.peek() == ",":
            self.fail(self.at, "'objects' is the only key allowed at the top", "unexpected_keys")
        self.expect("}")
        self.finish()

    def geometry(self, key: str, start: int) -> Geometry | None:
        for kind in KINDS:
            if key == kind:
                return kind, self._bins(kind)
        return None

    def _bins(self, kind: Kind) -> tuple[int, ...]:
        start = self.at
        found = _WHOLE_LIST.match(self.text, self.at, self.stop)
        if found:
            self.at = found.end()
            bins = [int(digits) for digits in _DIGITS.findall(found[0])]
        else:
            bins = self._bins_one_by_one()
        self.check(bins_fault(kind, bins), start)
        return tuple(bins)

    def _bins_one_by_one(self) -> list[int]:
        self.expect("[", "non_coord_token")
        if self.peek() == "]":
            self.at += 1
            return []
        bins = [self._coord()]
        while not self.comma_or("]"):
            bins.append(self._coord())
        return bins

    def _coord(self) -> int:
        found = _COORD.match(self.text, self.next(), self.stop)
        if found is None:
            self.end_check()
            reason = f"expected a coordinate token of 0..999, found {self.found()}"
            self.fail(self.at, reason, "non_coord_token")
        self.at = found.end()
        return int(found[1])
