"""The job from records to artifacts, with recorded answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlcore.errors import ConfigError, DataError
from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter, read_events
from mlcore.run.folder import RunFolder
from mlcore.run.signals import StopSignal
from mlcore.stage_b.artifacts import FILES, read_meta, read_rows
from mlcore.stage_b.config import StageBConfig
from mlcore.stage_b.guidance.model import guidance_json
from mlcore.stage_b.job import epoch_order, run
from mlcore.stage_b.rebuild import rebuild
from mlcore.stage_b.reports import rebuilt_report
from mlcore.stage_b.rows import (
    DistillRow,
    MalformedRow,
    MetricsRow,
    ReportRow,
    SelectionRow,
    TrajectoryRow,
)
from mlcore.stage_b.verdict.contract import Spoken, parse_two_lines
from tests.support.tickets import (
    BAD,
    FAIL,
    GOOD,
    MISSION,
    PASS,
    guidance,
    ticket,
    write_stage_a,
)

TICKETS = [
    ticket("a", "pass", GOOD),
    ticket("b", "fail", BAD),
    ticket("c", "fail", GOOD),
    ticket("d", "pass", GOOD),
    ticket("e", "pass", GOOD),
]
SAID = {"a": [PASS, PASS], "b": [PASS, FAIL], "c": [PASS, PASS], "d": ["?", "?"], "e": [FAIL, FAIL]}


def config(folder: Path, **changes: Any) -> StageBConfig:
    write_stage_a(folder / "stage_a.jsonl", TICKETS)
    entry = guidance_json(guidance())
    (folder / "guidance.json").write_text(json.dumps({MISSION: entry}), encoding="utf-8")
    lines = [
        json.dumps({"name": f"{MISSION}/{group}", "draw": draw, "text": text})
        for group, texts in SAID.items()
        for draw, text in enumerate(texts)
    ]
    (folder / "said.jsonl").write_text("\n".join(lines), encoding="utf-8")
    values: dict[str, Any] = {
        "kind": "stage_b",
        "mission": MISSION,
        "summaries": ["stage_a.jsonl"],
        "guidance": "guidance.json",
        "backend": {"type": "replay", "path": "said.jsonl"},
        "sampler": {"grid": [{"temperature": 0.1}, {"temperature": 0.7}]},
        "runner": {"logging_steps": 2, "batch_tickets": 3},
        **changes,
    }
    return StageBConfig.model_validate(values)


def context(folder: Path) -> RunContext:
    place = RunFolder(folder / "run")
    return RunContext(place, EventWriter(place.events(1)), StopSignal(), config_dir=folder)


@pytest.fixture
def done(tmp_path: Path) -> tuple[Path, dict[str, Any], RunContext]:
    ctx = context(tmp_path)
    report = run(config(tmp_path), ctx)
    return ctx.folder.artifacts / "verdicts", report, ctx


def test_every_ticket_has_an_outcome_or_a_reason_why_not(
    done: tuple[Path, dict[str, Any], RunContext],
) -> None:
    folder, report, _ = done
    outcomes = {
        row.ticket_key: row.result.verdict
        for row in read_rows(folder, "selections.jsonl", SelectionRow)
    }
    assert outcomes == {"a::pass": "pass", "b::fail": "fail", "c::fail": "pass", "e::pass": "fail"}
    (lost,) = read_rows(folder, "failure_malformed.jsonl", MalformedRow)
    assert (lost.ticket_key, lost.raw_text) == ("d::pass", "?")
    assert report["confusion"] == {"tp": 1, "fp": 1, "tn": 1, "fn": 1, "no_verdict": 1}
    assert report["figures"]["false_release"]["value"] == 0.5
    assert report["figures"]["format_rate"] == {
        **report["figures"]["format_rate"], "value": 0.8, "n": 10
    }  # fmt: skip


def test_windows_cover_every_ticket_once_and_no_verdict_counts_as_a_mistake(
    done: tuple[Path, dict[str, Any], RunContext],
) -> None:
    folder, _, ctx = done
    rows = list(read_rows(folder, "metrics.jsonl", MetricsRow))
    assert [row.event for row in rows] == [
        "logging_steps", "logging_steps", "epoch_end_partial", "epoch_end"
    ]  # fmt: skip
    assert [(r.epoch_step_start, r.epoch_step_end) for r in rows] == [
        (1, 2), (3, 4), (5, 5), (1, 5)
    ]  # fmt: skip
    whole = rows[-1].include_manual_review
    assert (whole.n, whole.fp, whole.fn) == (5, 1, 2)
    assert rows[-1].exclude_manual_review.n == 3, "without the malformed and the doubted one"
    figures = [e["values"] for e in read_events(ctx.folder.events(1)) if e["type"] == "metric"]
    assert len(figures) == 3
    assert all(0 <= f["verdict/format_rate"] <= 1 for f in figures)


def test_the_report_is_rebuilt_from_the_files_alone(
    done: tuple[Path, dict[str, Any], RunContext],
) -> None:
    folder, report, _ = done
    assert json.loads((folder / "report.json").read_text("utf-8")) == report
    assert list(rebuilt_report(folder)) == list(read_rows(folder, "group_report.jsonl", ReportRow))
    assert read_meta(folder)["schema"] == "stage_b/1"
    again = rebuild(folder)
    assert again.other == (), "nothing in the folder says something else"
    assert again.summary["headline"] == report["headline"]
    assert {p.name for p in folder.iterdir()} == {
        *(*FILES, "meta.json", "need_review.json", "report.json")
    }


def test_chat_data_teaches_only_verdicts_that_agree_with_their_label(
    done: tuple[Path, dict[str, Any], RunContext],
) -> None:
    folder, _, _ = done
    rows = list(read_rows(folder, "distill_chatml.jsonl", DistillRow))
    assert sorted(row.ticket_key for row in rows) == ["a::pass", "b::fail"]
    for row in rows:
        assert isinstance(parse_two_lines(row.messages[-1].content), Spoken)


def test_a_separator_inside_a_text_ends_no_line(tmp_path: Path) -> None:
    said = {**SAID, "d": ["two\u2028lines", "next\x85line"]}
    made = config(tmp_path)
    rows = [
        json.dumps({"name": f"{MISSION}/{group}", "draw": draw, "text": text})
        for group, texts in said.items()
        for draw, text in enumerate(texts)
    ]
    (tmp_path / "said.jsonl").write_text("\n".join(rows), encoding="utf-8")
    ctx = context(tmp_path)
    run(made, ctx)
    folder = ctx.output("verdicts")
    trajectories = list(read_rows(folder, "trajectories.jsonl", TrajectoryRow))
    assert len(trajectories) == 2 * len(TICKETS)
    assert {"two\u2028lines", "next\x85line"} <= {row.result.text for row in trajectories}
    assert len(list(rebuilt_report(folder))) == len(TICKETS)


def test_a_line_of_another_version_is_told(
    done: tuple[Path, dict[str, Any], RunContext],
) -> None:
    folder, _, _ = done
    path = folder / "trajectories.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    value = json.loads(lines[1])
    value["result"]["semantic_advantage"] = 0.5
    path.write_text("\n".join([lines[0], json.dumps(value)]) + "\n{torn", encoding="utf-8")
    with pytest.raises(DataError, match="semantic_advantage") as caught:
        list(read_rows(folder, "trajectories.jsonl", TrajectoryRow))
    assert caught.value.where == "trajectories.jsonl:2"


def test_every_epoch_has_its_own_order_of_the_same_tickets() -> None:
    orders = [[t.group_id for t in epoch_order(TICKETS, 0, epoch)] for epoch in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


def test_a_mission_without_guidance_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    other = config(tmp_path, mission="BBU安装方式检查")
    with pytest.raises(ConfigError, match="no known family"):
        run(other, context(tmp_path))
    with pytest.raises(ConfigError, match="no guidance"):
        run(config(tmp_path, mission="BBU安装方式检查", domain="bbu"), context(tmp_path))


def test_tickets_of_another_mission_are_refused(tmp_path: Path) -> None:
    entry = guidance_json(guidance())
    made = config(tmp_path, mission="挡风板安装检查")
    (tmp_path / "guidance.json").write_text(json.dumps({"挡风板安装检查": entry}), encoding="utf-8")
    with pytest.raises(DataError, match="is a ticket of"):
        run(made, context(tmp_path))


def test_a_replay_answers_in_tests_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = config(tmp_path)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    with pytest.raises(ConfigError, match="tests only"):
        run(made, context(tmp_path))
