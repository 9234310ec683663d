"""Figures of a few held-out images while training: no intervals, quick to make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlcore.contract.records import Record
from mlcore.coordjson.format import AnswerFormat
from mlcore.evaluate.coco import averages
from mlcore.evaluate.detection import detection_figures
from mlcore.evaluate.diff import Marks, diff_scores, marks_of
from mlcore.evaluate.levels import LevelCounts
from mlcore.evaluate.match import ImageMatch, match_image, read_answer, truth_things
from mlcore.evaluate.statistics import figure_at
from mlcore.evaluate.summary import SummaryRow, summary_figures

THRESHOLD = 0.5
_DENSE = {
    "parse_rate": "parse_rate",
    "f1_50": "f1_50",
    "f1_located_50": "levels.located.f1_50",
    "f1_full_50": "levels.full.f1_50",
    "precision_50": "precision",
    "recall_50": "recall",
    "clean_negatives": "negatives.clean",
    "duplicates": "diff.duplicate",
    "ap50": "ap50",
}
_SUMMARY = {
    "summary_parse_rate": "parse_rate",
    "summary_exact": "exact_match",
    "summary_fact_f1": "fact_f1",
    "summary_negative_recall": "negative_recall",
}
NAMES = (*_DENSE, *_SUMMARY)
"""the figures that a look may have"""


@dataclass(frozen=True)
class Seen:
    """One dense answer: its record, what agrees, and what became of its objects."""

    record: Record
    match: ImageMatch
    marks: Marks


@dataclass
class Look:
    """Answers as they are read, and their figures."""

    format: AnswerFormat
    dense: list[Seen] = field(default_factory=list)
    summaries: list[SummaryRow] = field(default_factory=list)

    def read_dense(
        self, record: Record, text: str, confidences: Sequence[float] | None = None
    ) -> Seen:
        """Read a dense answer. `confidences` has a number for each right object of it."""
        reading = read_answer(
            text,
            self.format,
            width=record.width,
            height=record.height,
            confidences=confidences,
        )
        match = match_image(record.id, truth_things(record), reading, THRESHOLD)
        return Seen(record, match, marks_of(match, THRESHOLD))

    def add(self, found: Seen | SummaryRow) -> None:
        """Take an answer that was read."""
        if isinstance(found, Seen):
            self.dense.append(found)
        else:
            self.summaries.append(found)

    def figures(self) -> dict[str, float]:
        """Values by name; one without a denominator is left out. No overlap below 0.5 counts."""
        return {
            **(_values(self._dense(), _DENSE) if self.dense else {}),
            **(_values(summary_figures(self.summaries), _SUMMARY) if self.summaries else {}),
        }

    def _dense(self) -> dict[str, Any]:
        matches = [seen.match for seen in self.dense]
        ranked = any(t.confidence is not None for m in matches for t in m.reading.things)
        boxes = averages([seen.record for seen in self.dense], matches, "bbox", ranked=ranked)
        return {
            **detection_figures(matches, THRESHOLD, LevelCounts(matches, THRESHOLD)),
            "diff": diff_scores([seen.marks for seen in self.dense]),
            "ap50": boxes.figures["ap50"],
        }


def _values(figures: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, float]:
    found = {name: figure_at(figures, path)["value"] for name, path in names.items()}
    return {name: float(value) for name, value in found.items() if value is not None}
