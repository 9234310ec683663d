from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from mlcore import kinds
from mlcore.config.base import JobConfig
from mlcore.errors import DataError, GateFailedError, InterruptedRunError
from mlcore.run import runner
from mlcore.run.context import RunContext
from mlcore.run.events import read_events
from mlcore.run.exits import ExitCode, meaning_of
from mlcore.run.runner import RunOptions, execute


class ProbeConfig(JobConfig):
    kind: Literal["probe"]
    size: int = 1


Job = Callable[[ProbeConfig, RunContext], dict[str, Any]]


@pytest.fixture
def run_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ExitCode]:
    """Run a function as the job of a kind `probe`; returns the exit code."""
    kind = kinds.Kind(
        "probe",
        "Probe",
        "",
        f"{__name__}:ProbeConfig",
        "unused:unused",
        device="cpu",
        inputs=(),
        outputs={"thing": "dataset"},
        resumable=False,
    )
    monkeypatch.setitem(kinds.KINDS, "probe", kind)

    def go(job: Job, text: str = "kind: probe\n", **options: Any) -> ExitCode:
        monkeypatch.setattr(runner, "entry_point", lambda name: job)
        path = tmp_path / "probe.yaml"
        path.write_text(text)
        return execute(path, RunOptions(run_dir=tmp_path / "run", **options))

    return go


def events_of(tmp_path: Path, attempt: int = 1) -> list[dict[str, Any]]:
    return list(read_events(tmp_path / "run" / "events" / f"attempt-{attempt}.jsonl"))


def test_a_run_leaves_the_whole_folder(run_job: Callable[..., ExitCode], tmp_path: Path) -> None:
    def job(config: ProbeConfig, ctx: RunContext) -> dict[str, Any]:
        (ctx.output("thing") / "a.txt").write_text("hello")
        return {"schema": "probe/1", "headline": {}}

    assert run_job(job) == ExitCode.OK
    folder = tmp_path / "run"
    assert (folder / "config" / "00-probe.yaml").read_text() == "kind: probe\n"
    assert json.loads((folder / "config.resolved.json").read_text())["size"] == 1
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["kind"], manifest["attempt"], manifest["seed"]) == ("probe", 1, 0)
    outputs = json.loads((folder / "outputs.json").read_text())["outputs"]
    assert [(o["name"], o["type"], o["files"][0]["path"]) for o in outputs] == [
        ("thing", "dataset", "a.txt")
    ]
    assert json.loads((folder / "report.json").read_text())["schema"] == "probe/1"
    assert events_of(tmp_path)[0]["phase"] == "starting"


def test_headline_figures_keep_the_order_that_the_job_gave_them(
    run_job: Callable[..., ExitCode], tmp_path: Path
) -> None:
    def job(config: ProbeConfig, ctx: RunContext) -> dict[str, Any]:
        return {"headline": {"z_first": {"value": 1}, "a_second": {"value": 2}}}

    assert run_job(job) == ExitCode.OK
    headline = json.loads((tmp_path / "run" / "report.json").read_text())["headline"]
    assert [headline[name]["rank"] for name in ("z_first", "a_second")] == [0, 1]


def raising(error: Exception) -> Job:
    def job(config: ProbeConfig, ctx: RunContext) -> dict[str, Any]:
        raise error

    return job


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DataError("too many rejects", hint="fix them", where="x:3"), ExitCode.DATA),
        (InterruptedRunError("saved"), ExitCode.INTERRUPTED),
        (MemoryError("no room"), ExitCode.OOM),
        (OSError(errno.ENOSPC, "No space left on device"), ExitCode.INFRA),
        (Exception("I/O error: No space left on device (os error 28)"), ExitCode.INFRA),
        (ValueError("surprise"), ExitCode.BUG),
    ],
)
def test_every_error_has_its_exit_code_and_an_event(
    run_job: Callable[..., ExitCode], tmp_path: Path, error: Exception, code: ExitCode
) -> None:
    assert run_job(raising(error)) == code
    last = events_of(tmp_path)[-1]
    assert last["type"] == "error"
    assert not (tmp_path / "run" / "report.json").exists()


def test_a_failed_gate_still_writes_its_report(
    run_job: Callable[..., ExitCode], tmp_path: Path
) -> None:
    error = GateFailedError("2 of 3 checks failed", report={"schema": "gate/1", "passed": False})
    assert run_job(raising(error)) == ExitCode.GATE
    assert json.loads((tmp_path / "run" / "report.json").read_text())["passed"] is False


def test_an_invalid_config_exits_2_and_says_why_in_the_folder(
    run_job: Callable[..., ExitCode], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_job(raising(AssertionError()), "kind: probe\nsise: 3\n") == ExitCode.CONFIG
    assert "probe.yaml:2:1: sise: unknown key, did you mean 'size'?" in capsys.readouterr().err
    assert "unknown key" in events_of(tmp_path)[0]["message"]


def test_a_folder_that_holds_a_run_is_not_overwritten(run_job: Callable[..., ExitCode]) -> None:
    def job(config: ProbeConfig, ctx: RunContext) -> dict[str, Any]:
        return {}

    assert run_job(job) == ExitCode.OK
    assert run_job(job) == ExitCode.CONFIG
    assert run_job(job, resume=True) == ExitCode.OK


def test_a_resumed_run_is_the_next_attempt(
    run_job: Callable[..., ExitCode], tmp_path: Path
) -> None:
    seen = []

    def job(config: ProbeConfig, ctx: RunContext) -> dict[str, Any]:
        seen.append((ctx.attempt, ctx.resuming))
        return {}

    run_job(job)
    run_job(job, resume=True)
    assert seen == [(1, False), (2, True)]
    assert events_of(tmp_path, 2)[0]["seq"] == 1


def test_a_death_by_sigkill_counts_as_infrastructure_and_other_signals_as_a_crash() -> None:
    assert (meaning_of(-9).reason, meaning_of(-9).requeue) == ("infra", True)
    assert (meaning_of(-11).reason, meaning_of(-11).requeue) == ("code", False)
    assert meaning_of(75).reason == "interrupted"
