"""The gate job: its files, its event and its exit code."""
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlcore.gates.config import GateConfig
from mlcore.run.events import read_events
from mlcore.run.exits import ExitCode
from mlcore.run.hashing import file_sha256
from mlcore.run.runner import RunOptions, execute
from tests.support.verdict_folders import many, write_verdicts

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


BEFORE = many(pass_pass=400, pass_fail=8, fail_fail=90, fail_pass=20)


def regression_gate(root: Path, after: Any, released: str = "released") -> ExitCode:
    write_verdicts(root / "released", BEFORE)
    write_verdicts(root / "verdicts", after)
    config = root / "gate.yaml"
    text = f"kind: gate\npolicy: verdicts-no-regression\nverdicts: {root / 'verdicts'}\n"
    config.write_text(text + (f"released: {root / released}\n" if released else ""))
    return execute(config, RunOptions(run_dir=root / "run"))


def failed_checks(root: Path) -> dict[str, str]:
    return {c["id"]: c["reason"] for c in result(root)["checks"] if not c["passed"]}


def test_verdicts_that_are_no_worse_than_the_released_ones_pass(tmp_path: Path) -> None:
    better = BEFORE | {"fail_pass0000": ("fail", "fail"), "pass_fail0000": ("pass", "pass")}
    assert regression_gate(tmp_path, better) == ExitCode.OK
    assert len(result(tmp_path)["evidence"]["released_digest"]) == 64
    kept = json.loads((tmp_path / "run/artifacts/gate/comparison.json").read_text())
    assert kept["flips"]["to_label"] == 2
    assert kept["worsened"]["false_release"]["n"] == 420


def test_a_few_more_false_releases_are_a_regression(tmp_path: Path) -> None:
    worse = BEFORE | {f"fail_fail{i:04}": ("fail", "pass") for i in range(12)}
    assert regression_gate(tmp_path, worse) == ExitCode.GATE
    assert set(failed_checks(tmp_path)) == {"label_match", "false_release", "chance"}


def test_without_released_verdicts_no_regression_is_unproven(tmp_path: Path) -> None:
    assert regression_gate(tmp_path, BEFORE, released="") == ExitCode.GATE
    failed = failed_checks(tmp_path)
    assert set(failed) == {"same_tickets", "label_match", "false_release", "chance"}
    assert "comparison.worsened.false_release is missing" in failed["false_release"]


def test_a_comparison_that_a_report_brings_along_proves_nothing(tmp_path: Path) -> None:
    write_verdicts(tmp_path / "verdicts", BEFORE)
    path = tmp_path / "verdicts" / "report.json"
    bound = {"value": 0.0, "n": 900}
    claimed = {"paired": {"value": 1.0, "n": 900}, "p": {"worse": {"value": 1.0, "n": 900}}}
    claimed["worsened"] = {"label_match": bound, "false_release": bound}
    path.write_text(json.dumps({**json.loads(path.read_text()), "comparison": claimed}))
    config = tmp_path / "gate.yaml"
    config.write_text("kind: gate\npolicy: verdicts-no-regression\nverdicts: verdicts\n")
    assert execute(config, RunOptions(run_dir=tmp_path / "run")) == ExitCode.GATE
    assert len(failed_checks(tmp_path)) == 4


def test_other_tickets_and_too_few_of_them_prove_nothing(tmp_path: Path) -> None:
    fewer = dict(list(BEFORE.items())[:80])
    assert regression_gate(tmp_path, fewer) == ExitCode.GATE
    failed = failed_checks(tmp_path)
    assert "does not hold" in failed["same_tickets"]
    assert "fewer than the 100" in failed["label_match"]
    assert "fewer than the 100" in failed["chance"]


def test_released_verdicts_that_are_the_candidate_or_no_verdicts_are_invalid_data(
    tmp_path: Path,
) -> None:
    copied = write_verdicts(tmp_path / "copied", BEFORE)
    assert regression_gate(tmp_path, BEFORE, "copied") == ExitCode.DATA
    shutil.rmtree(tmp_path / "run")
    (copied / "meta.json").unlink()
    assert regression_gate(tmp_path, BEFORE, "copied") == ExitCode.DATA
    assert not (tmp_path / "run" / "report.json").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"evaluation": "e", "released": "r"}, "only verdicts are compared"),
        ({"verdicts": "v", "released": "v"}, "compared with themselves"),
    ],
)
def test_released_verdicts_are_others_than_those_that_are_judged(
    given: dict[str, str], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        GateConfig.model_validate({"kind": "gate", "policy": "demo", **given})
