"""The figures of an evaluation side by side, each with its n and its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from console.runs.models import Run
from mlcore.evaluate.statistics import f1_name, figure_at

FIGURES = (
    *("parse_rate", "f1", "levels.located.f1", "levels.full.f1", "levels.class.f1_mean"),
    *("precision", "recall", "mean_iou", "ap", "ap50", "ap75"),
    *("segm.ap", "segm.ap50", "segm.ap75", "negatives.clean"),
    *("oracle.f1", "oracle.union_recall", "description_accuracy", "negative_recall"),
)
"""paths in the report of a system; `f1` stands for F1 at the evaluation's threshold"""


def evaluation_of(run: Run) -> dict[str, Any] | None:
    """A table of the run's report: a column for each system, the reference first, and the paired
    difference of the reference to each other one. None for a run that is no evaluation."""
    report = run.report or {}
    systems = report.get("systems")
    if run.kind != "evaluate" or not isinstance(systems, Mapping) or not systems:
        return None
    reference = report.get("reference", "")
    names = [name for name in dict.fromkeys((reference, *systems)) if name in systems]
    f1 = f1_name(report.get("settings", {}).get("iou_threshold", 0.5))
    shown = (_row(report, names, path, f1) for path in FIGURES)
    return {
        "systems": [{"name": name, "is_reference": name == reference} for name in names],
        "rows": [row for row in shown if row is not None],
        "reference": reference,
        "images": report.get("images"),
        "resamples": report.get("settings", {}).get("bootstrap"),
    }


def _row(
    report: Mapping[str, Any], names: Sequence[str], path: str, f1: str
) -> dict[str, Any] | None:
    """One figure in every system; None where no system has a value."""
    head, _dot, last = path.rpartition(".")
    path = f"{head}{_dot}{f1 if last == 'f1' else last}"
    cells = [_cell(report, name, path) for name in names]
    if all(cell["value"] is None for cell in cells):
        return None
    return {"path": path, "title": _title(path, f1), "cells": cells}


def _cell(report: Mapping[str, Any], name: str, path: str) -> dict[str, Any]:
    try:
        figure: Mapping[str, Any] = figure_at(report["systems"][name], path)
    except (KeyError, TypeError):
        # A figure that this evaluation did not make: it is older, or each image was asked once.
        figure = {}
    interval = report.get("delta_intervals", {}).get(name, {}).get(path)
    return {
        "value": figure.get("value"),
        "n": figure.get("n"),
        "ci95": figure.get("ci95"),
        "delta": report.get("deltas", {}).get(name, {}).get(path),
        "delta_ci95": interval,
        "apart": bool(interval) and (interval[0] > 0 or interval[1] < 0),
    }


def _title(path: str, f1: str) -> str:
    at = {"t": f"{float(f1.removeprefix('f1_').replace('_', '.')) / 100:g}"}
    words = {
        "parse_rate": _("Readable answers"),
        f1: _("F1 at overlap %(t)s") % at,
        f"levels.located.{f1}": _("F1 of the place alone"),
        f"levels.full.{f1}": _("F1 of place and whole description"),
        "levels.class.f1_mean": _("F1, mean over overlaps 0.50 to 0.95"),
        "precision": _("Precision"),
        "recall": _("Recall"),
        "mean_iou": _("Mean overlap of true objects"),
        "ap": _("AP of boxes, overlaps 0.50 to 0.95"),
        "ap50": _("AP of boxes at 0.50"),
        "ap75": _("AP of boxes at 0.75"),
        "segm.ap": _("AP of masks, overlaps 0.50 to 0.95"),
        "segm.ap50": _("AP of masks at 0.50"),
        "segm.ap75": _("AP of masks at 0.75"),
        "negatives.clean": _("Empty images left empty"),
        f"oracle.{f1}": _("F1 of the best of K answers"),
        "oracle.union_recall": _("Recall of K answers together"),
        "description_accuracy": _("Right descriptions of found objects"),
        "negative_recall": _("Recall of objects that are amiss"),
    }
    return words[path]
