"""One system scored: from its answers to its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlcore.contract.records import Record
from mlcore.evaluate.attributes import attribute_scores
from mlcore.evaluate.coco import CocoScores, coco_scores
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
from mlcore.evaluate.oracle import oracle_measures, oracle_scores
from mlcore.evaluate.ranking import AP_NAMES, weighted_ap
from mlcore.evaluate.statistics import Columns, Resampled, Weighted
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
        _matches(config, judged, truths[: len(judged)], system, answers) for answers in system.draws
    ]
    matches = draws[0]
    levels = LevelCounts(matches, config.iou_threshold)
    coco = coco_scores(judged, matches)
    measures = {
        **detection_measures(matches, levels),
        **{f"oracle.{name}": found for name, found in oracle_measures(draws, levels).items()},
    }
    resampled = Resampled(measures, resampling.resamples, resampling.seed, _averages(coco))
    marks = [marks_of(match, config.iou_threshold) for match in matches]
    summaries = summary_rows(records, system)
    figures = {
        **detection_figures(matches, config.iou_threshold, levels),
        **coco.figures,
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


def _averages(coco: CocoScores) -> Weighted:
    """Average precision of boxes and of masks as figures of weighted images."""

    def statistic(weights: Columns) -> Columns:
        shapes = (weighted_ap(coco.rankings[shape], weights) for shape in ("bbox", "segm"))
        return np.hstack(list(shapes))

    return Weighted((*AP_NAMES, *(f"segm.{name}" for name in AP_NAMES)), statistic)


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
