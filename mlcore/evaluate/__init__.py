"""Scoring answers against the truth. Importing this package loads nothing heavy."""
from __future__ import annotations

from collections.abc import Sequence

from mlcore.contract.records import Record
from mlcore.coordjson.format import AnswerFormat


def quick(
    records: Sequence[Record], texts: Sequence[str], format: AnswerFormat | None = None
) -> dict[str, float]:
    """`parse_rate` and `f1_50` of dense answers, one text per record, for use inside training.

    `format` is that of the answers, CoordJSON where it is not given.

    A figure whose denominator is 0 is left out. Raises ValueError when the counts differ.
    """
    from mlcore.evaluate.detection import quick_scores

    scores: dict[str, float] = quick_scores(records, texts, format or AnswerFormat())
    return scores
