"""The gate job: its files, its event and its exit code."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlcore.gates.config import GateConfig
from mlcore.run.events import read_events
from mlcore.run.exits import ExitCode
from mlcore.run.hashing import file_sha256
from mlcore.run.runner import RunOptions, execute

FIGURE = {"value": 0.97, "n": 400}
REPORT: dict[str, Any] = {
    "schema": "evaluation/1", "reference": "model", "dataset_fingerprint": "f" * 64,
    "model_digest": "a" * 64,
    "systems": {
        "model": {"parse_rate": FIGURE, "f1_50": FIGURE},
        "constant": {"f1_50": {"value": 0.1, "n": 400}},
    },
}


def gate(root: Path, report: Any, policy: str = "demo") -> ExitCode:
    (root / "evaluation").mkdir(exist_ok=True)
    (root / "evaluation" / "report.json").write_text(json.dumps(report))
    config = root / "gate.yaml"
    config.write_text(f"kind: gate\npolicy: {policy}\nevaluation: {root / 'evaluation'}\n")
    return execute(config, RunOptions(run_dir=root / "run"))


def result(root: Path) -> dict[str, Any]:
    path = root / "run" / "artifacts" / "gate" / "result.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def events(root: Path, type_: str) -> list[dict[str, Any]]:
    path = root / "run" / "events" / "attempt-1.jsonl"
    return [e for e in read_events(path) if e["type"] == type_]


def test_a_proven_report_passes_and_binds_its_evidence(tmp_path: Path) -> None:
    assert gate(tmp_path, REPORT) == ExitCode.OK
    found = result(tmp_path)
    assert found["passed"] is True
    assert found["policy"] == "demo"
    evidence = found["evidence"]
    assert evidence["report_sha256"] == file_sha256(tmp_path / "evaluation" / "report.json")
    assert evidence["dataset_fingerprint"] == "f" * 64
    assert evidence["model_digest"] == "a" * 64
    assert all(len(evidence[key]) == 64 for key in ("policy_sha256", "evaluation_digest"))
    assert events(tmp_path, "gate")[0]["result"] == found
    body = json.loads((tmp_path / "run" / "report.json").read_text())
    checks = {"value": 3, "unit": "checks", "n": 3, "rank": 0}
    assert body["headline"]["checks_passed"] == checks


def test_an_unproven_report_exits_5_with_result_and_report_written(tmp_path: Path) -> None:
    weak = {"f1_50": {"value": 0.2, "n": 400}}
    poor = {**REPORT, "systems": {**REPORT["systems"], "model": weak}}
    assert gate(tmp_path, poor) == ExitCode.GATE
    found = result(tmp_path)
    assert found["passed"] is False
    assert [check["passed"] for check in found["checks"]] == [False, False, False]
    assert json.loads((tmp_path / "run" / "report.json").read_text())["passed"] is False
    outputs = json.loads((tmp_path / "run" / "outputs.json").read_text())["outputs"]
    assert [output["type"] for output in outputs] == ["gate"]
    error = events(tmp_path, "error")[0]
    assert error["code"] == "gate"
    assert "parse_rate" in error["hint"]


def test_a_policy_without_checks_exits_5(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("name: empty\nversion: 1\nchecks: []\n")
    assert gate(tmp_path, REPORT, "empty.yaml") == ExitCode.GATE
    assert "no checks" in result(tmp_path)["reason"]


def test_a_broken_policy_is_an_invalid_config_and_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("name: broken\nversion: 1\n")
    assert gate(tmp_path, REPORT, "broken.yaml") == ExitCode.CONFIG
    assert not (tmp_path / "run" / "report.json").exists()


@pytest.mark.parametrize("report", [[], {"schema": "evaluation/2"}, "text"])
def test_something_that_is_no_evaluation_is_invalid_data(tmp_path: Path, report: Any) -> None:
    assert gate(tmp_path, report) == ExitCode.DATA


def share(value: float, n: int = 200) -> dict[str, Any]:
    return {"value": value, "n": n}


VERDICTS: dict[str, Any] = {
    "schema": "stage_b/1",
    "figures": {
        "format_rate": share(1.0), "malformed": share(0.0), "label_suspect": share(0.1),
    },
    "search": {"untouched": {"after": {"label_match": share(0.9), "false_release": share(0.1)}}},
}  # fmt: skip


def verdict_gate(root: Path, report: Any) -> ExitCode:
    (root / "verdicts").mkdir(exist_ok=True)
    (root / "verdicts" / "report.json").write_text(json.dumps(report))
    config = root / "gate.yaml"
    config.write_text(f"kind: gate\npolicy: demo-verdicts\nverdicts: {root / 'verdicts'}\n")
    return execute(config, RunOptions(run_dir=root / "run"))


def test_verdicts_are_held_against_a_policy_of_theirs(tmp_path: Path) -> None:
    assert verdict_gate(tmp_path, VERDICTS) == ExitCode.OK
    assert result(tmp_path)["policy"] == "demo-verdicts"


def test_verdicts_without_a_search_prove_nothing_about_untouched_tickets(tmp_path: Path) -> None:
    report = {key: value for key, value in VERDICTS.items() if key != "search"}
    assert verdict_gate(tmp_path, report) == ExitCode.GATE
    failed = {c["id"] for c in result(tmp_path)["checks"] if not c["passed"]}
    assert failed == {"label_match", "false_release"}


def test_an_evaluation_is_no_verdicts(tmp_path: Path) -> None:
    assert verdict_gate(tmp_path, REPORT) == ExitCode.DATA


def test_a_gate_needs_one_thing_to_judge() -> None:
    for given in ({}, {"evaluation": "e", "verdicts": "v"}):
        with pytest.raises(ValueError, match="name one of the two"):
            GateConfig.model_validate({"kind": "gate", "policy": "demo", **given})
