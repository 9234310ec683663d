"""The page that holds runs against each other, and the curves and table behind it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.reviews import blindness
from console.runs import charts, comparing, page_reads, paired, queries, rows, tabs
from console.runs.models import Run
from console.web.pages import link, page, project_of
from console.web.schema_form import as_text

CURVE_POINTS = 400
TOTAL_POINTS = 40_000
"""points of one chart over all runs: more lines get fewer points each"""
SAMPLED_RUNS = 6
SHOWN_SAMPLES = 6


@requires(get="runs.view")
@page
def compare(request: HttpRequest, project: str) -> HttpResponseBase:
    """What differs between the named runs, and their curves over each other."""
    here = project_of(request)
    runs = _asked(request, here)
    if len(runs) < 2:
        return render(request, "runs/compare.html", {"runs": [], "chosen": _heads(request, runs)})
    base = comparing.baseline_of(runs, request.GET.get("base", ""))
    keys = comparing.key_rows(runs, base)
    everything = request.GET.get("all") == "1"
    shown = keys if everything else [row for row in keys if row.varies]
    if request.GET.get("format") == "csv":
        return _csv(runs, comparing.figure_rows(runs, base), shown)
    context = {
        "runs": _heads(request, runs, base),
        "keys": [_key_cells(row) for row in shown],
        "same": sum(not row.varies for row in keys),
        "everything": everything,
        "all_url": link(request, all="" if everything else "1"),
        "csv_url": link(request, format="csv"),
        "figures": [
            _figure_cells(row)
            for row in comparing.figure_rows(runs, base, paired.paired_intervals(runs, base))
        ],
        "metrics": _metrics(runs),
        "curves_url": f"{reverse('runs:compare-curves', args=[project])}?{_query(runs)}",
        "samples": _samples(request, runs),
        "lines": [{"uid": run.uid, "name": run.name or run.kind} for run in runs],
    }
    return render(request, "runs/compare.html", context)


@requires(get="runs.view")
@page
def curves(request: HttpRequest, project: str) -> HttpResponseBase:
    """The points of one metric in every named run; `x` is the step, `t` seconds since the first."""
    runs = _asked(request, project_of(request))
    key = request.GET.get("key", "")
    points = min(CURVE_POINTS, TOTAL_POINTS // max(1, len(runs)))
    found = queries.read_across(runs, key, points=points)
    series = {}
    for run in runs:
        if (line := found.get(run.pk)) is not None and len(line):
            began = line.times[0]
            series[run.uid] = {
                "x": list(line.steps),
                "y": list(line.values),
                "t": [round(time - began, 3) for time in line.times],
            }
    return JsonResponse({"key": key, "series": series})


def _asked(request: HttpRequest, project: Project) -> list[Run]:
    """The named runs. Raises ApiProblem for too many, Http404 for one that is not there."""
    uids = [uid for text in request.GET.getlist("run") for uid in text.split(",") if uid]
    uids = list(dict.fromkeys(uids))
    if len(uids) > comparing.MAX_RUNS:
        detail = _("At most %(n)d runs can be compared at a time.") % {"n": comparing.MAX_RUNS}
        raise ApiProblem(400, "too_many_runs", detail)
    runs = page_reads.compared(project, uids)
    if len(runs) < len(uids):
        raise Http404
    return runs


def _query(runs: Sequence[Run]) -> str:
    return urlencode([("run", run.uid) for run in runs])


def _heads(
    request: HttpRequest, runs: Sequence[Run], base: Run | None = None
) -> list[dict[str, Any]]:
    """Each run as a column's head: its row, its line's look, and the page without it."""
    out = []
    for place, run in enumerate(runs):
        rest = _query([other for other in runs if other is not run])
        row = rows.run_row(run)
        out.append(
            {
                **row,
                "place": place,
                "color": place % 8 + 1,
                "is_base": run is base,
                "without": f"?{rest}",
                "as_base": link(request, base=run.uid),
                "seed": run.config_resolved.get("seed"),
            }
        )
    return out


def _key_cells(row: comparing.KeyRow) -> dict[str, Any]:
    cells = zip(row.values, row.present, row.differs, strict=True)
    return {
        "path": row.path,
        "cells": [
            {"text": as_text(value) if present else "–", "differs": differs}
            for value, present, differs in cells
        ],
    }


def _figure_cells(row: comparing.FigureRow) -> dict[str, Any]:
    names = ("value", "delta", "n", "ci95", "paired")
    cells = zip(row.values, row.deltas, row.counts, row.intervals, row.paired, strict=True)
    return {
        "name": row.name,
        "unit": row.unit,
        "cells": [dict(zip(names, cell, strict=True)) for cell in cells],
    }


def _metrics(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A chart for each metric, by section; how many of the runs have it stands beside."""
    having = dict(page_reads.series_across(runs))
    found = charts.sections((key, 0.0) for key in having)
    return [
        {
            "title": section["title"],
            "items": [
                {**line, "unit": chart.unit, "having": having[line["key"]]}
                for chart in section["charts"]
                for line in chart.lines
            ],
        }
        for section in found
    ]


def _samples(request: HttpRequest, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The newest samples of the same image in the first few runs; only images that two have."""
    by_name: dict[str, dict[str, Any]] = {}
    for run in list(runs)[:SAMPLED_RUNS]:
        steps = page_reads.sample_steps(run)
        for sample in page_reads.samples_at(run, steps[-1]) if steps else []:
            shot = tabs.sample_row(request, run, sample, tabs.TILE_SIZE)
            by_name.setdefault(sample.name, {})[run.uid] = shot
    paired = {name: found for name, found in by_name.items() if len(found) > 1}
    return [
        {
            "name": blindness.without_label(vars(request)["rights"], name),
            "shots": [
                {"run": run.name or run.kind, "place": place, "sample": found[run.uid]}
                for place, run in enumerate(runs)
                if run.uid in found
            ],
        }
        for name, found in list(paired.items())[:SHOWN_SAMPLES]
    ]


def _csv(
    runs: Sequence[Run],
    figures: Sequence[comparing.FigureRow],
    keys: Sequence[comparing.KeyRow],
) -> HttpResponse:
    """The tables for a spreadsheet: a line for each run."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="compare.csv"'
    writer = csv.writer(response)
    head = ["run", "name", "kind", "state", *(f.name for f in figures), *(k.path for k in keys)]
    writer.writerow(head)
    for place, run in enumerate(runs):
        told = ["" if f.values[place] is None else f.values[place] for f in figures]
        said = [_safe(as_text(k.values[place])) if k.present[place] else "" for k in keys]
        writer.writerow([run.uid, _safe(run.name), run.kind, run.state, *told, *said])
    return response


def _safe(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text
