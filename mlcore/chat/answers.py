"""The answer that a record stands for, as named pieces of text.

Tokens never cross a piece, so every label has exactly one name: `desc` is the words of a
description, `coord` one coordinate, `format` the JSON around them and a line before it, `summary`
the summary, `text` what an assistant says in a plain conversation.
"""
from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mlcore.chat.config import MessagesConfig
from mlcore.chat.prompts import STATES_FORM, Mode
from mlcore.contract.records import Record, SceneObject
from mlcore.contract.summaries import IRRELEVANT
from mlcore.coordjson import AnswerError, CoordObject
from mlcore.coordjson.format import AnswerFormat, read_answer, write_answer
from mlcore.errors import DataError
from mlcore.geometry.order import order_objects
from mlcore.geometry.spaces import to_bins
from mlcore.objectjson.scale import Scale, from_pixels, to_coord_object

PieceName = Literal["desc", "coord", "format", "summary", "text"]
_NUMBER = re.compile(r"[0-9]+")
_LOOSE = re.compile(r" [,=|/]|[,=|/] ")


@dataclass(frozen=True)
class Piece:
    """A stretch of the answer. `bin` is 0..999 for a coordinate token and -1 otherwise."""

    name: PieceName
    text: str
    bin: int = -1


def answer_pieces(
    record: Record, mode: Mode, config: MessagesConfig, dataset: str = ""
) -> list[Piece]:
    """The answer of a record for one task; joined, the pieces are its exact text.

    Raises DataError naming the record when it has no answer for the task, when a description or a
    summary is not as it must be, or when the text does not read back as the record's objects.
    """
    if mode == "summary":
        pieces = [Piece("summary", _summary(record, config))]
        if record.summary == IRRELEVANT:
            return pieces
    else:
        pieces = dense_pieces(record, config)
    prefix = config.prefix(mode, dataset)
    return [Piece("format", prefix), *pieces] if prefix else pieces


def coord_objects(
    record: Record, config: MessagesConfig | None = None
) -> list[CoordObject]:
    """The record's objects in their one order, with coordinates as bins."""
    return [
        CoordObject(o.desc, o.kind, to_bins(o.points, record.width, record.height))
        for o in _ordered(record, config or MessagesConfig())
    ]


def dense_pieces(record: Record, config: MessagesConfig) -> list[Piece]:
    """The dense answer without a line before it.

    The text is walked with what it must contain next, so words of a description that look like
    a coordinate are never taken for one.
    """
    objects = _ordered(record, config)
    for item in objects:
        fault = desc_fault(item.desc)
        if fault:
            raise DataError(f"the description {item.desc!r} {fault}", where=record.id)
    try:
        text = write_answer(objects, config.answer, record.width, record.height)
        back = read_answer(text, config.answer, record.width, record.height)
    except (AnswerError, DataError) as error:
        raise DataError(
            f"the record's answer cannot be written: {error.message}", where=record.id
        ) from error
    expected, numbers = _expected(objects, record, config.answer)
    if back != expected:
        raise DataError("the answer does not read back as the record's objects", where=record.id)
    return _cut(text, objects, numbers, config.answer)


def desc_fault(desc: str) -> str:
    """Why a description cannot be taught, as a part of a sentence; empty when it can.

    Control characters and loose blanks would be learned as they are and never match again. In
    `key=value` descriptions a blank beside a separator is one too; names such as
    `buggy, pushchair` may hold it.
    """
    if any(unicodedata.category(letter) == "Cc" for letter in desc):
        return "holds a control character"
    if desc != desc.strip():
        return "begins or ends with a blank"
    if "  " in desc:
        return "holds two blanks in a row"
    if "=" in desc and _LOOSE.search(desc):
        return "has a blank beside a separator"
    return ""


def tokenizer_texts(records: Iterable[Record], config: MessagesConfig) -> Iterator[str]:
    """Texts for training a tokenizer: every piece of every answer, and the prompts.

    Prompts repeat per record, so that they become few tokens.
    """
    prompts = {mode: config.prompt(mode) for mode in config.modes}
    for record in records:
        yield from ("user\n", "assistant\n", "system\n")
        for mode, prompt in prompts.items():
            yield prompt.user
            if prompt.system:
                yield prompt.system
            if mode == "dense" or record.summary:
                pieces = answer_pieces(record, mode, config, dataset="dataset")
                yield from (p.text for p in pieces if p.name != "coord")


def _ordered(record: Record, config: MessagesConfig) -> list[SceneObject]:
    return order_objects(record.objects, policy=config.object_order)


def _summary(record: Record, config: MessagesConfig) -> str:
    text = record.summary
    if not text:
        raise DataError("the record has no summary", where=record.id)
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise DataError("the summary holds a control character", where=record.id)
    told = config.profile_for("summary") in STATES_FORM and config.system is None
    form = "json" if text.startswith("{") else "text"
    if told and text != IRRELEVANT and form != config.summary_form:
        raise DataError(
            f"the summary has the form {form}, the prompt asks for {config.summary_form}",
            hint=f"Set summary_form: {form}, or make the summaries again.", where=record.id,
        )
    return text


def _expected(
    objects: Sequence[SceneObject], record: Record, answer: AnswerFormat
) -> tuple[list[CoordObject], list[tuple[int, ...]]]:
    """What the text must read back as, and the numbers that it must show."""
    if answer.grammar == "coordjson":
        bins = [to_bins(o.points, record.width, record.height) for o in objects]
        pairs = zip(objects, bins, strict=True)
        return [CoordObject(o.desc, o.kind, b) for o, b in pairs], bins
    scale = Scale(answer.emit_norm, record.width, record.height)
    plain = [from_pixels(o.desc, o.kind, o.points, scale) for o in objects]
    return [to_coord_object(item, scale) for item in plain], [item.numbers for item in plain]


def _cut(
    text: str,
    objects: Sequence[SceneObject],
    numbers: Sequence[tuple[int, ...]],
    answer: AnswerFormat,
) -> list[Piece]:
    walk = _Walk(text, tokens=answer.grammar == "coordjson")
    for item, values in zip(objects, numbers, strict=True):
        if answer.field_order == "geometry_first":
            walk.geometry(item.kind, values)
            walk.desc(item.desc)
        else:
            walk.desc(item.desc)
            walk.geometry(item.kind, values)
    return walk.finish()


class _Walk:
    """Cuts a text from left to right; what lies between two finds is format."""

    def __init__(self, text: str, *, tokens: bool) -> None:
        self._text, self._tokens, self._done = text, tokens, 0
        self._pieces: list[Piece] = []

    def desc(self, desc: str) -> None:
        words = json.dumps(desc, ensure_ascii=False)[1:-1]
        self._take("desc", self._after('"desc": "'), words)

    def geometry(self, kind: str, values: Sequence[int]) -> None:
        at = self._after(f'"{kind}": [')
        for value in values:
            literal = f"<|coord_{value}|>" if self._tokens else str(value)
            at = self._text.index(literal, at) if self._tokens else self._number(at)
            self._take("coord", at, literal, value if self._tokens else -1)
            at = self._done

    def finish(self) -> list[Piece]:
        return [*self._pieces, Piece("format", self._text[self._done :])]

    def _after(self, key: str) -> int:
        return self._text.index(key, self._done) + len(key)

    def _number(self, at: int) -> int:
        found = _NUMBER.search(self._text, at)
        assert found is not None
        return found.start()

    def _take(self, name: PieceName, at: int, literal: str, bin_: int = -1) -> None:
        assert self._text.startswith(literal, at), self._text[at : at + 40]
        between = self._text[self._done : at]
        if between:
            self._pieces.append(Piece("format", between))
        self._pieces.append(Piece(name, literal, bin_))
        self._done = at + len(literal)
