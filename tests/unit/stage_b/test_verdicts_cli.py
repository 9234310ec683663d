"""`python -m mlcore verdicts` on whole, half-written and foreign folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlcore.cli import main
from mlcore.run.exits import ExitCode
from tests.support.verdict_folders import many, write_verdicts

Shown = pytest.CaptureFixture[str]
BEFORE = many(pass_pass=60, pass_fail=4, fail_fail=30, fail_pass=6)


def answer(capsys: Shown, *arguments: object) -> tuple[int, str, str]:
    code = main(["verdicts", *map(str, arguments)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def after(**verdicts: str | None) -> dict[str, tuple[str, str | None]]:
    return BEFORE | {group: (BEFORE[group][0], verdict) for group, verdict in verdicts.items()}


@pytest.fixture
def released(tmp_path: Path) -> Path:
    return write_verdicts(tmp_path / "run" / "artifacts" / "verdicts", BEFORE)


def test_a_run_folder_and_its_verdicts_give_the_same_report(released: Path, capsys: Shown) -> None:
    code, shown, _ = answer(capsys, "report", released)
    assert code == ExitCode.OK
    assert "100 tickets (tp 60, fp 6, tn 30, fn 4, no_verdict 0)" in shown
    assert "false release   0.0909 [0.0423, 0.1845] n=66" in shown
    assert "epoch 1: label match 0.9000, fp 6, fn 4, n=100" in shown
    assert answer(capsys, "report", released.parent.parent)[1] == shown


def test_reports_are_written_only_where_they_are_asked_for(
    released: Path, tmp_path: Path, capsys: Shown
) -> None:
    there = {path: path.read_bytes() for path in released.iterdir()}
    assert answer(capsys, "report", released, "--out", tmp_path / "again")[0] == ExitCode.OK
    assert {path: path.read_bytes() for path in released.iterdir()} == there
    rebuilt = tmp_path / "again" / "group_report.jsonl"
    assert rebuilt.read_bytes() == there[released / "group_report.jsonl"]
    summary = json.loads((tmp_path / "again" / "summary.json").read_text())
    assert summary["figures"]["false_release"]["n"] == 66
    code, _, told = answer(capsys, "report", released, "--out", tmp_path / "again")
    assert code == ExitCode.CONFIG
    assert "is there already" in told


def test_a_report_that_says_something_else_than_the_files_is_told(
    released: Path, capsys: Shown
) -> None:
    (released / "report.json").write_text('{"figures": {}}')
    (released / "group_report.jsonl").unlink()
    found = json.loads(answer(capsys, "report", released, "--json")[1])
    assert found["differs"] == ["group_report.jsonl", "report.json"]


def _json(name: str, **changes: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        value = json.loads((folder / name).read_text("utf-8"))
        (folder / name).write_text(json.dumps({**value, **changes}), encoding="utf-8")

    return apply


def _cut(name: str, off: int) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-off])


def _without_last_line(folder: Path) -> None:
    path = folder / "selections.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def _turned(folder: Path) -> None:
    path = folder / "selections.jsonl"
    first, rest = path.read_text("utf-8").split("\n", 1)
    turned = first.replace('"verdict":"pass"', '"verdict":"fail"')
    path.write_text(f"{turned}\n{rest}", encoding="utf-8")


NOT_WHOLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "another version": (_json("meta.json", schema="stage_b/9"), "of stage_b/9, and stage_b/1"),
    "not ended": (lambda f: (f / "meta.json").unlink(), "the run that wrote it has not ended"),
    "torn line": (_cut("selections.jsonl", 9), "selections.jsonl is half-written"),
    "torn candidates": (_cut("trajectories.jsonl", 9), "trajectories.jsonl is half-written"),
    "no file": (lambda f: (f / "reflection.jsonl").unlink(), "reflection.jsonl cannot be read"),
    "lost line": (_without_last_line, "outcome of 99 tickets, and meta.json names 100"),
    "no epoch": (lambda f: (f / "metrics.jsonl").write_text(""), "has ended"),
    "changed line": (_turned, "selections.jsonl gives"),
    "queue": (_json("need_review.json", n=3), "does not hold as many items"),
}


@pytest.mark.parametrize("case", NOT_WHOLE)
def test_a_folder_that_is_not_whole_is_invalid_data_and_says_why(
    released: Path, capsys: Shown, case: str
) -> None:
    spoil, words = NOT_WHOLE[case]
    spoil(released)
    code, shown, told = answer(capsys, "report", released)
    assert (code, shown) == (ExitCode.DATA, "")
    assert words in told


def test_a_folder_without_verdicts_is_told_where_they_would_be(
    tmp_path: Path, capsys: Shown
) -> None:
    code, _, told = answer(capsys, "report", tmp_path)
    assert code == ExitCode.DATA
    assert "artifacts/verdicts" in told


def test_two_runs_are_compared_ticket_by_ticket(
    released: Path, tmp_path: Path, capsys: Shown
) -> None:
    said = after(fail_pass0000="fail", fail_pass0001="fail", pass_pass0000="fail")
    said |= {"new": ("pass", "pass"), "pass_pass0001": ("pass", None)}
    del said["fail_fail0029"]
    candidate = write_verdicts(tmp_path / "candidate", said)
    code, shown, _ = answer(capsys, "compare", released, candidate)
    assert code == ExitCode.OK
    assert "99 tickets in both" in shown
    assert "1 only in A: fail_fail0029::fail" in shown
    assert "1 only in B: new::pass" in shown
    assert "4 verdicts differ: 3 pass to fail, 0 fail to pass, 1 lost, 0 gained" in shown
    assert "2 to the label, 2 away from it" in shown
    assert "p = 1 two-sided" in shown
    assert answer(capsys, "compare", released, candidate)[1] == shown


def test_a_group_under_another_label_is_named_as_such(
    released: Path, tmp_path: Path, capsys: Shown
) -> None:
    said = BEFORE | {"fail_pass0000": ("pass", "pass")}
    candidate = write_verdicts(tmp_path / "candidate", said)
    found = json.loads(answer(capsys, "compare", released, candidate, "--json")[1])
    assert found["only"] == {
        "before": ["fail_pass0000::fail"],
        "after": ["fail_pass0000::pass"],
        "relabelled": ["fail_pass0000"],
    }
    assert found["paired"] == {**found["paired"], "value": 99 / 101, "n": 101}


def test_what_cannot_be_compared_is_refused(released: Path, tmp_path: Path, capsys: Shown) -> None:
    other = write_verdicts(tmp_path / "other", BEFORE, mission="挡风板安装检查")
    apart = write_verdicts(tmp_path / "apart", {"x": ("pass", "pass")})
    for folder, words in (
        (other, "one run judged"),
        (apart, "no ticket in common"),
        (released, "compared with itself"),
    ):
        code, _, told = answer(capsys, "compare", released, folder)
        assert code == ExitCode.DATA
        assert words in told
