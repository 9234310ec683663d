"""The answer that a record stands for, as named pieces of text.

Tokens never cross a piece, so every label has exactly one name: `desc` is the words of a
description, `coord` one coordinate, `format` the JSON around them and a line before it, `summary`
the summary, `text` what an assistant says in a plain conversation.
"""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from mlcore.chat.config import MessagesConfig
from mlcore.chat.prompts import STATES_FORM, Mode
from mlcore.contract.records import Record, SceneObject
from mlcore.contract.summaries import IRRELEVANT
from mlcore.coordjson import AnswerError, CoordObject
from mlcore.coordjson.builder import meant, shown
from mlcore.coordjson.pieces import Piece
from mlcore.errors import DataError
from mlcore.geometry.order import order_objects
from mlcore.geometry.spaces import to_bins

_LOOSE = re.compile(r" [,=|/]|[,=|/] ")


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
        for o in ordered_objects(record, config or MessagesConfig())
    ]


def dense_pieces(record: Record, config: MessagesConfig) -> list[Piece]:
    """The dense answer without a line before it, as the builder of its grammar writes it."""
    objects = ordered_objects(record, config)
    for item in objects:
        fault = desc_fault(item.desc)
        if fault:
            raise DataError(f"the description {item.desc!r} {fault}", where=record.id)
    builder = config.answer.builder
    try:
        scale = builder.scale(config.answer, record.width, record.height)
        text = builder.write(objects, scale, config.answer)
        back = builder.read(text, scale, config.answer)
    except (AnswerError, DataError) as error:
        raise DataError(
            f"the record's answer cannot be written: {error.message}", where=record.id
        ) from error
    told = shown(objects, scale)
    if back != meant(told, scale):
        raise DataError("the answer does not read back as the record's objects", where=record.id)
    pieces = builder.pieces(text, told, config.answer)
    if "".join(piece.text for piece in pieces) != text:
        raise DataError("the pieces of the answer are not its text", where=record.id)
    return pieces


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


def ordered_objects(record: Record, config: MessagesConfig) -> list[SceneObject]:
    """The record's objects in the order in which its dense answer names them."""
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
