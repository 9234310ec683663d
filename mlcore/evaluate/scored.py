"""One system scored: from its answers to its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlcore.contract.records import Record
from mlcore.evaluate.attributes import attribute_scores
from mlcore.evaluate.coco import coco_scores
from mlcore.evaluate.config import EvaluateConfig
from mlcore.evaluate.detection import (
    Resampling,
    detection_figures,
    detection_measures,
    with_intervals,
)
from mlcore.evaluate.diff import Marks, diff_scores, marks_of
from mlcore.evaluate.levels import LevelCounts
from mlcore.evaluate.load import Answer, SystemAnswers
from mlcore.evaluate.match import ImageMatch, Thing, match_image, read_answer
from mlcore.evaluate.oracle import oracle_scores
from mlcore.evaluate.ranking import rankings, weighted_ap50
from mlcore.evaluate.statistics import Resampled, Statistic
from mlcore.evaluate.summary import SummaryRow, summary_rows, summary_scores


@dataclass(frozen=True)
class Scored:
    """One system: its answers, what became of them, and its figures."""

    answers: SystemAnswers
    matches: list[ImageMatch]
    marks: list[Marks]
    levels: LevelCounts
    summaries: list[SummaryRow]
    figures: dict[str, Any]
    resampled: Resampled


def score(
    config: EvaluateConfig,
    records: Sequence[Record],
    truths: Sequence[tuple[Thing, ...]],
    system: SystemAnswers,
) -> Scored:
    """Every figure of one system. Raises DataError where confidences do not fit their answers."""
    resampling = Resampling(config.bootstrap, config.seed)
    judged = records if "dense" in system.answers else []
    draws = [
        _matches(config, judged, truths[: len(judged)], system, answers)
        for answers in system.draws
    ]
    matches = draws[0]
    levels = LevelCounts(matches, config.iou_threshold)
    measures = detection_measures(matches, levels)
    classes = rankings(matches)
    others: dict[str, Statistic] = {"ap50": lambda weights: weighted_ap50(classes, weights)}
    resampled = Resampled(measures, resampling.resamples, resampling.seed, others)
    marks = [marks_of(match, config.iou_threshold) for match in matches]
    summaries = summary_rows(records, system)
    figures = {
        **detection_figures(matches, config.iou_threshold, levels),
        **coco_scores(judged, matches),
        **attribute_scores(matches),
        "diff": diff_scores(marks),
        "oracle": oracle_scores(draws, config.iou_threshold),
        "summary": summary_scores(summaries, resampling),
        "answers": {
            mode: _answer_counts(records, mode, found) for mode, found in system.answers.items()
        },
    }
    return Scored(
        system, matches, marks, levels, summaries, with_intervals(figures, resampled), resampled
    )


def _matches(
    config: EvaluateConfig,
    records: Sequence[Record],
    truths: Sequence[tuple[Thing, ...]],
    system: SystemAnswers,
    answers: Mapping[str, Answer],
) -> list[ImageMatch]:
    found = []
    for record, things in zip(records, truths, strict=True):
        answer = answers.get(record.id)
        reading = read_answer(
            answer.text if answer else None,
            system.format,
            width=record.width,
            height=record.height,
            half_width=config.line_half_width,
            confidences=answer.confidences if answer else None,
        )
        found.append(match_image(record.id, things, reading, config.iou_threshold))
    return found


def _answer_counts(
    records: Sequence[Record], mode: str, found: Mapping[str, Answer]
) -> dict[str, int]:
    expected = [r for r in records if mode == "dense" or r.summary is not None]
    return {
        "n": len(found),
        "missing": sum(record.id not in found for record in expected),
        "unfinished": sum(not answer.finished for answer in found.values()),
    }
