"""What an import brought: the new version with its verdicts, and what was rejected and why."""
from __future__ import annotations

from typing import Any

from console.catalog import queries, reports
from console.catalog.models import DatasetVersion
from console.catalog.queries import outputs_of_run
from console.runs.models import Run

SHOWN_CLASSES = 12
SHOWN_REJECTS = 20


def version_of(run: Run) -> DatasetVersion | None:
    """The dataset version that the run made; None before it has ended well."""
    for output in outputs_of_run(run.project, run.uid):
        for version in output.dataset_versions.all():
            return version
    return None


def report_of(version: DatasetVersion) -> dict[str, Any]:
    """What the page shows of the new version: the same verdicts as on the dataset's own page."""
    classes = reports.class_rows(version)
    return {
        "version": version, "dataset": version.dataset, "verdicts": reports.verdicts(version),
        "classes": classes[:SHOWN_CLASSES], "more_classes": max(0, len(classes) - SHOWN_CLASSES),
        "rules": [
            {"code": code, "n": n, "sentence": reports.rule_sentence(code)}
            for code, n in queries.reject_rules(version)
        ],
        "rejects": list(queries.rejects(version)[:SHOWN_REJECTS]),
    }  # fmt: skip
