"""The answer that a record stands for, as named pieces of text.

Tokens never cross a piece, so every label has exactly one name: `desc` is the words of a
description, `coord` one coordinate, `format` the JSON around them, `summary` the summary.
"""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from mlcore.chat.prompts import MODES, Mode, PromptProfile
from mlcore.contract.records import Record
from mlcore.coordjson import CoordObject, render
from mlcore.errors import DataError
from mlcore.geometry.order import order_objects
from mlcore.geometry.spaces import to_bins

PieceName = Literal["desc", "coord", "format", "summary"]


@dataclass(frozen=True)
class Piece:
    """A stretch of the answer. `bin` is 0..999 for a coordinate and -1 otherwise."""

    name: PieceName
    text: str
    bin: int = -1


def answer_pieces(record: Record, mode: Mode) -> list[Piece]:
    """The answer of a record for one task. Raises DataError when it has none."""
    if mode == "summary":
        if not record.summary:
            raise DataError("the record has no summary", where=record.id)
        return [Piece("summary", record.summary)]
    return dense_pieces(coord_objects(record))


def coord_objects(record: Record) -> list[CoordObject]:
    """The record's objects in their one order, with coordinates as bins."""
    return [
        CoordObject(o.desc, o.kind, to_bins(o.points, record.width, record.height))
        for o in order_objects(record.objects)
    ]


def dense_pieces(objects: list[CoordObject]) -> list[Piece]:
    """CoordJSON cut into pieces; joined, they are exactly `coordjson.render(objects)`.

    The text is walked with what it must contain next, so words of a description that look like
    a coordinate are never taken for one.
    """
    text = render(objects)
    pieces: list[Piece] = []
    done = 0
    for item in objects:
        words = json.dumps(item.desc, ensure_ascii=False)[1:-1]
        start = text.index('"desc": "', done) + len('"desc": "')
        assert text.startswith(words, start), text[start : start + 40]
        pieces += [Piece("format", text[done:start]), Piece("desc", words)]
        done = start + len(words)
        for value in item.bins:
            literal = f"<|coord_{value}|>"
            start = text.index(literal, done)
            pieces += [Piece("format", text[done:start]), Piece("coord", literal, value)]
            done = start + len(literal)
    return [*pieces, Piece("format", text[done:])]


def tokenizer_texts(records: Iterable[Record], profile: PromptProfile) -> Iterator[str]:
    """Texts for training a tokenizer: every piece of every answer, and the profile's prompts.

    Prompts repeat per record, so that they become few tokens.
    """
    for record in records:
        yield from ("user\n", "assistant\n", "system\n")
        for mode in MODES:
            yield profile.user_text(mode)
            if mode == "dense" or record.summary:
                yield from (p.text for p in answer_pieces(record, mode) if p.name != "coord")
