"""How well summaries agree: the whole text, its facts, and which negative facts are named."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlcore.contract.desc import is_negative
from mlcore.contract.records import Record
from mlcore.coordjson import CoordJsonError
from mlcore.coordjson.summary import parse_summary
from mlcore.evaluate.detection import Resampling
from mlcore.evaluate.load import SystemAnswers
from mlcore.evaluate.statistics import bootstrap, f1_figure, f1_of, ratio, share_of

Counts = tuple[int, int, int]


@dataclass(frozen=True)
class SummaryRow:
    """One image. Counts are (tp, fp, fn); None where the true summary is free text."""

    record: str
    parsed: bool
    exact: bool
    facts: Counts | None
    negatives: Counts | None


def summary_rows(records: Sequence[Record], system: SystemAnswers) -> list[SummaryRow]:
    """One row per record that has a true summary; none when the system was not asked for any."""
    answers = system.answers.get("summary")
    if answers is None:
        return []
    rows = []
    for record in records:
        if record.summary is not None:
            answer = answers.get(record.id)
            text = answer.text if answer else None
            rows.append(summary_row(record.id, record.summary, text))
    return rows


def summary_scores(rows: Sequence[SummaryRow], resampling: Resampling) -> dict[str, Any]:
    """The figures with 95 % intervals over images where they say most."""
    figures = summary_figures(rows)
    negatives = [row.negatives for row in rows if row.negatives is not None]
    columns = {
        "exact_match": ([(row.exact, 1) for row in rows], 2, share_of),
        "fact_f1": ([row.facts for row in rows if row.facts is not None], 3, f1_of),
        "negative_recall": ([(c[0], c[0] + c[2]) for c in negatives], 2, share_of),
    }
    for name, (counts, width, statistic) in columns.items():
        table = np.array(counts, dtype=np.float64).reshape(-1, width)
        figures[name]["ci95"] = bootstrap(
            table, statistic, resampling.resamples, resampling.seed
        )
    return figures


def summary_figures(rows: Sequence[SummaryRow]) -> dict[str, Any]:
    """`exact_match` of the text; F1 of facts (a description with its count); precision and recall
    of negative descriptions, their counts ignored. An answer that cannot be read names nothing.
    """
    tp, fp, fn = _sum([row.negatives for row in rows if row.negatives is not None])
    return {
        "parse_rate": ratio(sum(row.parsed for row in rows), len(rows)),
        "exact_match": ratio(sum(row.exact for row in rows), len(rows)),
        "fact_f1": f1_figure(*_sum([row.facts for row in rows if row.facts is not None])),
        "negative_precision": ratio(tp, tp + fp),
        "negative_recall": ratio(tp, tp + fn),
    }


def _sum(counts: Sequence[Counts]) -> Counts:
    return sum(c[0] for c in counts), sum(c[1] for c in counts), sum(c[2] for c in counts)


def summary_row(record: str, truth: str, said: str | None) -> SummaryRow:
    """A true summary beside what was said; None stands for an answer that is missing."""
    true_facts, said_facts = _facts(truth), _facts(said)
    facts = negatives = None
    if true_facts is not None:
        named = said_facts or {}
        facts = _agreement(set(true_facts.items()), set(named.items()))
        negatives = _agreement(
            {desc for desc in true_facts if is_negative(desc)},
            {desc for desc in named if is_negative(desc)},
        )
    return SummaryRow(record, said_facts is not None, said == truth, facts, negatives)


def _facts(text: str | None) -> dict[str, int] | None:
    if text is None:
        return None
    try:
        return parse_summary(text)
    except CoordJsonError:
        return None


def _agreement(true: set[Any], said: set[Any]) -> Counts:
    return len(true & said), len(said - true), len(true - said)
