"""Pages of gates: the matrix of policies and models, and the evidence of one verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from console.accounts.access import requires
from console.accounts.models import Project
from console.catalog.models import ModelVersion
from console.catalog.queries import versions_by_digest
from console.gates import page_reads
from console.gates.models import GateResult
from console.runs.lineage import ref_url
from console.web.pages import page, project_of


@requires(get="gates.view")
@page
def gates(request: HttpRequest, project: str) -> HttpResponseBase:
    """Policies across, models down; a cell is the newest verdict."""
    here = project_of(request)
    results = page_reads.latest_results(here)
    named = versions_by_digest(here, [r.model_digest for r in results])
    policies = sorted({r.policy for r in results})
    context = {
        "policies": policies,
        "rows": _matrix(results, policies, named, here.slug),
        "results": [_row(here, r, named) for r in results[:50]],
    }
    return render(request, "gates/gates.html", context)


@requires(get="gates.view")
@page
def gate(request: HttpRequest, project: str, uid: str) -> HttpResponseBase:
    """Every check with its value, limit, n and interval, and what the verdict stands on."""
    here = project_of(request)
    result = page_reads.result_of_run(here, uid)
    named = versions_by_digest(here, [result.model_digest])
    context = {
        "result": result,
        "row": _row(here, result, named),
        "checks": result.checks,
        "failed": [c for c in result.checks if not c.get("passed")],
        "evidence": [
            (k, v) for k, v in result.evidence.items() if isinstance(v, str | int | float)
        ],
        "inputs": [
            {"ref": i["ref"], "url": ref_url(here.slug, i["ref"])} for i in result.run.inputs
        ],
    }
    return render(request, "gates/gate.html", context)


def _matrix(
    results: Sequence[GateResult],
    policies: Sequence[str],
    named: dict[str, ModelVersion],
    slug: str,
) -> list[dict[str, Any]]:
    cells: dict[str, dict[str, GateResult]] = {}
    for result in results:
        cells.setdefault(_subject(result), {}).setdefault(result.policy, result)
    out = []
    for subject, by_policy in cells.items():
        version = named.get(subject)
        out.append(
            {
                "title": f"{version.entry.name} v{version.number}" if version else subject[:12],
                "url": ref_url(slug, version.ref) if version else "",
                "cells": [_cell(by_policy.get(policy), slug) for policy in policies],
            }
        )
    return out


def _subject(result: GateResult) -> str:
    return result.model_digest or result.evaluation_digest or result.run.uid


def _cell(result: GateResult | None, slug: str) -> dict[str, Any] | None:
    if result is None:
        return None
    return {
        "passed": result.passed,
        "url": reverse("gates:gate", args=[slug, result.run.uid]),
        "n_passed": sum(bool(c.get("passed")) for c in result.checks),
        "n_checks": len(result.checks),
    }


def _row(project: Project, result: GateResult, named: dict[str, ModelVersion]) -> dict[str, Any]:
    version = named.get(result.model_digest)
    return {
        "policy": result.policy, "passed": result.passed, "created": result.created,
        "run": result.run.uid, "url": reverse("gates:gate", args=[project.slug, result.run.uid]),
        "model": f"{version.entry.name} v{version.number}" if version else result.model_digest[:12],
        "model_url": ref_url(project.slug, version.ref) if version else "",
        "n_passed": sum(bool(c.get("passed")) for c in result.checks),
        "n_checks": len(result.checks),
    }  # fmt: skip
