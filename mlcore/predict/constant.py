"""The best answer that never looks at the image.

A floor worth beating is the strongest constant, so the dense one is chosen by score: of some real
answers of the train split, the one that fits other images of that split best.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from mlcore.chat.answers import dense_pieces
from mlcore.chat.config import MessagesConfig
from mlcore.contract.records import Record
from mlcore.coordjson.format import AnswerFormat
from mlcore.errors import DataError
from mlcore.evaluate import quick

CANDIDATES = 24
"""real answers that are tried"""
JUDGES = 64
"""images that each of them is scored on"""
Item = TypeVar("Item", bound=Hashable)


def constant_dense(records: Sequence[Record], messages: MessagesConfig | None = None) -> str:
    """The dense answer with the best F1@0.5 over other images, in the format of `messages`.

    Candidates and judges are spread evenly over `records`; among equals the first one wins.
    Raises DataError without records.
    """
    if not records:
        raise DataError("the train split is empty: there is no constant answer")
    judges = _spread(records, JUDGES)
    config = messages or MessagesConfig()
    answers = [
        "".join(piece.text for piece in dense_pieces(record, config))
        for record in _spread(records, CANDIDATES)
    ]
    return max(answers, key=lambda answer: _score(answer, judges, config.answer))


def constant_summary(records: Sequence[Record]) -> str:
    """The most frequent summary. Raises DataError when no record has one."""
    summaries = [record.summary for record in records if record.summary]
    if not summaries:
        raise DataError(
            "no record of the train split has a summary",
            hint="Take `summary` out of `modes`.",
        )
    return most_frequent(summaries)


def most_frequent(items: Iterable[Item]) -> Item:
    """The most frequent item; among equals the one whose text sorts first."""
    counts = Counter(items)
    return min(counts, key=lambda item: (-counts[item], repr(item)))


def _score(answer: str, judges: Sequence[Record], format: AnswerFormat) -> float:
    """F1@0.5 of one answer given to every judge; 0 where there is nothing to find or find wrong."""
    return quick(judges, [answer] * len(judges), format).get("f1_50", 0.0)


def _spread(records: Sequence[Record], most: int) -> list[Record]:
    """At most `most` records, evenly spread."""
    count = min(most, len(records))
    return [records[index * len(records) // count] for index in range(count)]
