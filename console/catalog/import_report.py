"""What an import brought: the new version with its verdicts, and what was rejected and why."""
from __future__ import annotations

import json
from collections import Counter
from typing import Any

from console.api.problems import ApiProblem
from console.catalog import blobs, queries, reports
from console.catalog.models import DatasetVersion
from console.catalog.queries import outputs_of_run
from console.runs.models import Run
from mlcore.contract.writer import REJECTS

SHOWN_CLASSES = 12
SHOWN_REJECTS = 20
MAX_REJECTS_BYTES = 64 * 2**20


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


def failed_rejects(run: Run) -> dict[str, Any] | None:
    """What a failed import rejected, by rule and the first of them; None when it sent no list."""
    sent = run.artifacts.filter(name=REJECTS).last()
    if sent is None:
        return None
    try:
        lines = blobs.read_blob(sent.sha256, MAX_REJECTS_BYTES).splitlines()
        rows = [json.loads(line) for line in lines]
    except (ApiProblem, ValueError):
        # The list is also a download; a page that cannot read it says nothing of it.
        return None
    rules = Counter(str(row.get("rule", "")) for row in rows if isinstance(row, dict))
    return {
        "n": len(rows),
        "rules": [
            {"code": code, "n": n, "sentence": reports.rule_sentence(code)}
            for code, n in rules.most_common()
        ],
        "rows": [
            {
                "place": f"{row.get('file', '')}:{row.get('line', 0)}",
                "code": str(row.get("rule", "")), "message": str(row.get("message", "")),
            }
            for row in rows[:SHOWN_REJECTS] if isinstance(row, dict)
        ],
    }  # fmt: skip
