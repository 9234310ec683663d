"""Reflection with the miner: what is learnt, what is queued, and what is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlcore.errors import InterruptedRunError
from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter
from mlcore.run.folder import RunFolder
from mlcore.run.signals import StopSignal
from mlcore.stage_b import job
from mlcore.stage_b.artifacts import read_rows
from mlcore.stage_b.guidance.model import read_guidance
from mlcore.stage_b.reports import rebuilt_report
from mlcore.stage_b.rows import NeedReviewRow, ReflectionRow, ReportRow, SelectionRow
from tests.support.tickets import BARE_FIBRE, GOOD, MISSION, guidance, ticket
from tests.unit.stage_b.reflection.scene import FIBRE_RULE, Talking, config, run, tickets

Done = tuple[Path, dict[str, Any], Talking]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder, backend = tmp_path_factory.mktemp("reflection"), Talking()
    with pytest.MonkeyPatch.context() as patch:
        artifacts, report = run(patch, folder, config(folder, tickets(), epochs=2), backend)
    return artifacts, report, backend


def test_the_rule_that_labels_follow_is_learnt_and_used_from_then_on(done: Done) -> None:
    artifacts, report, _ = done
    learnt = read_guidance(artifacts / "guidance" / "guidance.json", MISSION)
    assert list(learnt.learnt.values()) == [FIBRE_RULE]
    meta = learnt.metadata["G1"]
    assert meta.reflection_id.startswith("miner-")
    assert meta.sources
    rows = read_rows(artifacts / "verdicts", "selections.jsonl", SelectionRow)
    second = {row.group_id: row.result.verdict for row in rows if row.epoch == 2}
    assert all(v == "fail" for group, v in second.items() if group.startswith("bare"))
    assert report["confusion"]["fp"] == 2


def test_labels_that_nothing_explains_are_queued_and_teach_nothing(done: Done) -> None:
    artifacts, report, _ = done
    rows = list(read_rows(artifacts / "verdicts", "need_review_queue.jsonl", NeedReviewRow))
    doubted = {r.ticket_key for r in rows if r.reason_code == "reflection_no_evidence_after_gt"}
    assert doubted == {"wrong000::fail", "wrong001::fail"}
    for row in read_rows(artifacts / "verdicts", "reflection.jsonl", ReflectionRow):
        found = row.reflection.proposal
        assert not doubted & set(found.evidence_group_ids)
        assert row.reflection.reflection_id.startswith("miner-")
    final = json.loads((artifacts / "verdicts" / "need_review.json").read_text(encoding="utf-8"))
    assert {item["ticket_key"] for item in final["items"]} == doubted
    assert report["reflection"]["tickets"] == {"agreed": 12, "contributor": 8, "need_review": 2}, (
        "what only the guard fails is doubtful, and the rule is named for it"
    )


def test_every_epoch_ends_with_every_ticket_settled_once(done: Done) -> None:
    artifacts, _, _ = done
    journal = artifacts.parent / "journal.jsonl"
    entries = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    for epoch_end in (e for e in entries if e["what"] == "epoch_over"):
        assert sum(epoch_end["counts"].values()) == 22
        assert set(epoch_end["counts"]) <= {"agreed", "contributor", "need_review", "malformed"}


def test_no_question_about_a_ticket_knows_its_label(done: Done) -> None:
    _, _, backend = done
    assert backend.asked
    for question in backend.asked:
        text = "".join(turn.text for turn in question.turns)
        assert "::" not in text
        assert "参考结论" not in text


def test_the_report_names_reflections_and_is_rebuilt_from_the_files(done: Done) -> None:
    artifacts, _, _ = done
    folder = artifacts / "verdicts"
    rows = list(read_rows(folder, "group_report.jsonl", ReportRow))
    assert rows == list(rebuilt_report(folder))
    assert all(row.reflection for row in rows if row.group_id.startswith(("bare", "wrong")))


def test_a_ticket_is_withdrawn_once_a_later_epoch_explains_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config(tmp_path, tickets(12, 8, 0), epochs=2, batch=1, batch_size=1, retry_budget=0)
    artifacts, _ = run(monkeypatch, tmp_path, made)
    folder = artifacts / "verdicts"
    queued = list(read_rows(folder, "need_review_queue.jsonl", NeedReviewRow))
    assert {row.reason_code for row in queued} == {"budget_exhausted"}
    final = json.loads((folder / "need_review.json").read_text(encoding="utf-8"))
    assert final["items"] == []


@pytest.mark.parametrize(("cap", "warned"), [(1, True), (None, False)])
def test_a_cap_of_calls_sends_the_rest_to_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cap: int | None, warned: bool
) -> None:
    made = config(tmp_path, tickets(12, 8, 0), max_calls_per_epoch=cap)
    artifacts, report = run(monkeypatch, tmp_path, made)
    rows = list(read_rows(artifacts / "verdicts", "reflection.jsonl", ReflectionRow))
    warnings = [word for row in rows for word in row.reflection.warnings]
    assert ("budget_exhausted_before_ops" in warnings) is warned
    assert (report["reflection"]["tickets"].get("need_review", 0) > 0) is warned
    assert report["reflection"]["calls"] == (1 if cap else 2 * len(rows))


def test_a_rule_that_labels_refute_is_deleted_by_a_reflection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = "若任一图中「BBU设备」的「可见性」为「完整」，则判不通过。"
    made = config(tmp_path, tickets(12, 8, 0), guidance(G7=bad))
    artifacts, _ = run(monkeypatch, tmp_path, made)
    after = read_guidance(artifacts / "guidance" / "guidance.json", MISSION)
    assert list(after.learnt.values()) == [FIBRE_RULE]


def test_a_text_that_is_mostly_beside_the_point_is_removed_at_the_end_of_an_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = guidance(G7="BBU设备完整即可。", S1="BBU设备为主。")
    made = config(tmp_path, tickets(4, 8, 0), told, batch=12)
    artifacts, _ = run(monkeypatch, tmp_path, made)
    after = read_guidance(artifacts / "guidance" / "guidance.json", MISSION)
    assert set(after.experiences) == {"G0", "S1", "G1"}
    history = (artifacts / "guidance" / "history.jsonl").read_text(encoding="utf-8")
    assert "4 hits, 8 misses" in history


def test_tickets_of_one_label_teach_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts, _ = run(monkeypatch, tmp_path, config(tmp_path, tickets(0, 8, 0)))
    after = read_guidance(artifacts / "guidance" / "guidance.json", MISSION)
    assert after.learnt == {}


def test_a_run_ends_after_an_epoch_that_changed_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config(tmp_path, tickets(), epochs=9, stop_when_unchanged=True)
    artifacts, _ = run(monkeypatch, tmp_path, made)
    rows = read_rows(artifacts / "verdicts", "selections.jsonl", SelectionRow)
    assert max(row.epoch for row in rows) == 2


def test_hits_and_misses_are_counted_once_for_the_rules_that_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [ticket(f"bare{i}", "fail", GOOD, BARE_FIBRE) for i in range(4)]
    made += [ticket("odd", "pass", GOOD, BARE_FIBRE), ticket("good", "pass", GOOD)]
    artifacts, _ = run(monkeypatch, tmp_path, config(tmp_path, made, guidance(G1=FIBRE_RULE)))
    meta = read_guidance(artifacts / "guidance" / "guidance.json", MISSION).metadata["G1"]
    assert (meta.hit_count, meta.miss_count) == (4, 0), "the doubtful ticket counts for nothing"


def test_a_stop_is_heard_and_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, stop = config(tmp_path, tickets()), StopSignal()

    class Stopping(Talking):
        def answer(self, *asked: Any) -> Any:
            stop.request()
            return super().answer(*asked)

    monkeypatch.setattr(job, "open_backend", lambda *_, **__: Stopping())
    place = RunFolder(tmp_path / "run")
    ctx = RunContext(place, EventWriter(place.events(1)), stop, config_dir=tmp_path)
    with pytest.raises(InterruptedRunError):
        job.run(made, ctx)
    backend = Talking()
    run(monkeypatch, tmp_path, made, backend, resuming=True)
    assert len(backend.asked) == 22 - 6
