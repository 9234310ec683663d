"""What a run of Stage-A amounts to, in figures with their n. No label is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlcore.evaluate.statistics import Figure, mean, share_figure
from mlcore.evaluate.summary import SummaryRow, summary_figures, summary_row
from mlcore.stage_a.ledger import Settled


def figures_of(settled: Sequence[Settled], seconds: Sequence[float]) -> dict[str, Figure]:
    """`seconds` are of the images that this attempt asked about. Shares are of images with a
    summary; `fact_f1` and `negative_recall`, as `evaluate` has them, are there where true summaries
    are known."""
    rows = [row for one in settled for row in one.rows]
    counts = {
        "irrelevant": sum(row.form == "irrelevant" for row in rows),
        "in_no_form": sum(row.form == "free" for row in rows),
        "mended": sum(row.mended for row in rows),
        "finished": sum(row.finished for row in rows),
    }
    figures = {name: share_figure(count, len(rows)) for name, count in counts.items()}
    figures["seconds_per_image"] = mean(seconds)
    figures["new_tokens"] = mean([row.new_tokens for row in rows])
    compared = _compared(settled)
    return figures | (summary_figures(compared) if compared else {})


def headline_of(figures: dict[str, Figure], tickets: int, rejected: int) -> dict[str, Any]:
    """The first figures of a run, those without a value left out."""
    units = {
        "seconds_per_image": "s",
        "irrelevant": "share",
        "in_no_form": "share",
        "finished": "share",
        "fact_f1": "share",
        "negative_recall": "share",
    }
    counts = {
        "images": (figures["finished"]["n"], "images", None),
        "tickets": (tickets - rejected, "tickets", None),
        "rejected": (rejected, "tickets", tickets),
    }
    known = {name: figures[name] for name in units if name in figures}
    counts |= {
        name: (figure["value"], units[name], figure["n"])
        for name, figure in known.items()
        if figure["value"] is not None
    }
    return {name: {"value": v, "unit": unit, "n": n} for name, (v, unit, n) in counts.items()}


def _compared(settled: Sequence[Settled]) -> list[SummaryRow]:
    """Every summary beside the true one, where that is known."""
    return [
        summary_row(f"{one.record.ticket_key}/{photo.name}", photo.truth, text)
        for one in settled
        if one.record is not None
        for photo, text in zip(one.group.photos, one.record.summaries, strict=True)
        if photo.truth is not None
    ]
