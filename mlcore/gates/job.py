"""The `gate` job: hold an evaluation against a policy; write, announce and enforce the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlcore.errors import DataError, GateFailedError
from mlcore.gates.config import GateConfig
from mlcore.gates.engine import GateResult, evaluate
from mlcore.gates.policy import load_policy
from mlcore.run.context import RunContext
from mlcore.run.folder import write_json
from mlcore.run.hashing import file_sha256, tree_digest, tree_entries
from mlcore.stage_b.compare import compare
from mlcore.stage_b.outcomes import read_outcomes

EVALUATION_SCHEMA = "evaluation/1"
VERDICTS_SCHEMA = "stage_b/1"
COMPARISON = "comparison"
"""where a policy finds it in the report"""


def run(config: GateConfig, ctx: RunContext) -> dict[str, Any]:
    """Judge and return the report. Raises GateFailedError, with the report in it, when the gate
    does not pass, and DataError when there is nothing to judge."""
    ctx.events.status("running", "judging")
    policy, policy_sha256 = load_policy(config.policy, ctx.resolve)
    folder = ctx.resolve(config.evidence)
    schema = VERDICTS_SCHEMA if config.evaluation is None else EVALUATION_SCHEMA
    report = _evidence(folder / "report.json", schema)
    evidence = {
        "policy_sha256": policy_sha256,
        "report_sha256": file_sha256(folder / "report.json"),
        "evaluation_digest": tree_digest(tree_entries(folder)),
        "dataset_fingerprint": str(report.get("dataset_fingerprint") or ""),
        "model_digest": str(report.get("model_digest") or ""),
    }
    # What a report says of a comparison is nobody's measurement: only the one made here counts.
    report.pop(COMPARISON, None)
    if config.released is not None:
        released = ctx.resolve(config.released)
        evidence["released_digest"] = tree_digest(tree_entries(released))
        report[COMPARISON] = _comparison(ctx, released, folder, evidence)
    result = evaluate(policy, report, evidence)
    write_json(ctx.output("gate") / "result.json", result.to_json())
    ctx.events.gate(result.to_json())
    body = _body(result)
    if not result.passed:
        reasons = [f"{c.id}: {c.reason}" for c in result.checks if not c.passed]
        raise GateFailedError(
            f"gate {policy.name}: {result.reason}",
            report=body,
            hint="; ".join(reasons) or "Add checks to the policy.",
            where=config.evidence,
        )
    return body


def _comparison(
    ctx: RunContext, released: Path, folder: Path, evidence: Mapping[str, str]
) -> dict[str, Any]:
    """Released verdicts against those that are judged; kept beside the result."""
    if evidence["released_digest"] == evidence["evaluation_digest"]:
        raise DataError(
            "the released verdicts are the ones that are judged",
            where=str(released),
        )
    found = compare(read_outcomes(released), read_outcomes(folder))
    write_json(ctx.output("gate") / "comparison.json", found)
    return found


def _evidence(path: Path, schema: str) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"there is nothing to judge: {error}", where=str(path)) from error
    if not isinstance(report, dict) or report.get("schema") != schema:
        raise DataError(f"{path} is not of schema {schema}", where=str(path))
    return report


def _body(result: GateResult) -> dict[str, Any]:
    passed = sum(check.passed for check in result.checks)
    return {
        **result.to_json(),
        "headline": {
            "checks_passed": {"value": passed, "unit": "checks", "n": len(result.checks)},
        },
    }
