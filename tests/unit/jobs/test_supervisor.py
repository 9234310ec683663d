"""A claimed attempt from start to end, with a real child and a real HTTP server."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from jobs.child import PidRecord, kill_leftovers
from jobs.settings import HostSettings
from jobs.supervisor import Supervisor
from mlcore.run.exits import ExitCode
from mlcore.run.hashing import FileEntry, tree_digest
from tests.support.fake_console import FakeConsole
from tests.unit.jobs.conftest import Launch

STUBBORN = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
events.status("running", str(grandchild.pid))
time.sleep(60)
"""
RESUMABLE = """
def stop(*_):
    events.status("saving", "checkpoint")
    sys.exit(75)
signal.signal(signal.SIGTERM, stop)
events.status("running", "waiting")
time.sleep(60)
"""


def wait_for(condition: Callable[[], object], limit_s: float = 20.0) -> None:
    """Wait until something is true; the limit only ends a broken test."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def in_thread(supervisor: Supervisor) -> tuple[threading.Thread, list[str]]:
    states: list[str] = []
    thread = threading.Thread(target=lambda: states.append(supervisor.supervise()))
    thread.start()
    return thread, states


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_events_log_outputs_and_report_of_a_run_come_home(
    launch: Launch, console: FakeConsole
) -> None:
    state = launch("""
print("hello from the job", flush=True)
for step in range(1200):
    events.metric(step, {"loss": 1.0})
out = folder.artifacts / "dataset"
out.mkdir()
(out / "train.jsonl").write_text("{}")
entries = tree_entries(out)
rows = [asdict(e) for e in entries]
write_json(folder.outputs, {"outputs": [
    {"name": "dataset", "type": "dataset", "digest": tree_digest(entries), "files": rows}]})
write_json(folder.report, {"schema": "synth/1"})
write_json(folder.manifest, {"kind": "synth"})
""").supervise()
    assert state == "succeeded"
    assert [e["seq"] for e in console.events] == list(range(1, 1201))
    assert console.log == b"hello from the job\n"
    (finish,) = console.finishes
    assert finish["exit_code"] == 0
    assert finish["last_seq"] == 1200
    assert finish["report"] == {"schema": "synth/1"}
    assert finish["manifest"] == {"kind": "synth"}
    (output,) = finish["outputs"]
    assert output.keys() == {"name", "type", "digest"}
    sha = hashlib.sha256(b"{}").hexdigest()
    assert console.blobs[sha] == b"{}"
    listing = json.loads(console.blobs[output["digest"]])
    assert listing == [{"path": "train.jsonl", "sha256": sha, "size": 2}]


def test_a_sample_file_is_uploaded_before_its_event(launch: Launch, console: FakeConsole) -> None:
    launch("""
image = folder.artifacts / "a.png"
image.write_bytes(b"png")
row = {"path": "artifacts/a.png", "sha256": file_sha256(image), "size": 3, "width": 1, "height": 1}
events.sample("s", 1, row, [], [], "raw")
""").supervise()
    sha = console.events[0]["image"]["sha256"]
    assert console.blobs[sha] == b"png"
    puts = console.requests.index(f"PUT /blobs/{sha}")
    assert puts < console.requests.index("POST /attempts/7/events")


def test_lost_answers_double_nothing(launch: Launch, console: FakeConsole) -> None:
    console.drop_answers = 4
    launch("""
for step in range(30):
    events.metric(step, {"loss": 1.0})
    print("line", step, flush=True)
""").supervise()
    assert [e["seq"] for e in console.events] == list(range(1, 31))
    assert console.log.decode() == "".join(f"line {n}\n" for n in range(30))


def test_a_silent_console_stops_nothing_and_gets_everything_later(
    launch: Launch, console: FakeConsole
) -> None:
    thread, states = in_thread(
        launch("""
for step in range(40):
    events.metric(step, {"loss": 1.0})
    time.sleep(0.02)
""")
    )
    wait_for(lambda: console.events)
    console.down = True
    time.sleep(1.0)
    console.down = False
    thread.join()
    assert states == ["succeeded"]
    assert [e["seq"] for e in console.events] == list(range(1, 41))


def test_a_console_that_forgot_events_gets_them_again(
    launch: Launch, console: FakeConsole
) -> None:
    thread, _ = in_thread(
        launch("""
for step in range(60):
    events.metric(step, {"loss": 1.0})
    time.sleep(0.02)
""")
    )
    wait_for(lambda: len(console.events) > 3)
    with console.lock:
        del console.events[1:]
    thread.join()
    assert [e["seq"] for e in console.events] == list(range(1, 61))


def test_cancel_stops_a_resumable_job_as_cancelled(launch: Launch, console: FakeConsole) -> None:
    thread, _ = in_thread(launch(RESUMABLE))
    wait_for(lambda: console.events)
    console.cancel = True
    thread.join()
    assert console.finishes[0]["exit_code"] == ExitCode.CANCELLED
    assert console.events[-1]["phase"] == "saving"


def test_cancel_kills_a_tree_that_ignores_the_request(
    launch: Launch, console: FakeConsole
) -> None:
    thread, _ = in_thread(launch(STUBBORN))
    wait_for(lambda: console.events and console.beats and console.beats[-1]["pid"])
    leader, grandchild = console.beats[-1]["pid"], int(console.events[0]["message"])
    console.cancel = True
    thread.join()
    assert console.finishes[0]["exit_code"] == ExitCode.CANCELLED
    assert not alive(leader)
    assert not alive(grandchild)


def test_a_stopping_worker_reports_an_interruption(
    launch: Launch, console: FakeConsole, shutdown: threading.Event
) -> None:
    thread, _ = in_thread(launch(RESUMABLE))
    wait_for(lambda: console.events)
    shutdown.set()
    thread.join()
    assert console.finishes[0]["exit_code"] == ExitCode.INTERRUPTED


def test_a_job_that_cannot_resume_is_interrupted_too_when_the_worker_stops(
    launch: Launch, console: FakeConsole, shutdown: threading.Event
) -> None:
    thread, _ = in_thread(launch(RESUMABLE.replace("75", "6")))
    wait_for(lambda: console.events)
    shutdown.set()
    thread.join()
    assert console.finishes[0]["exit_code"] == ExitCode.INTERRUPTED


def test_a_lost_lease_kills_the_group_and_says_nothing_more(
    launch: Launch, console: FakeConsole, settings: HostSettings
) -> None:
    thread, states = in_thread(launch(STUBBORN))
    wait_for(lambda: console.events and console.beats and console.beats[-1]["pid"])
    leader, grandchild = console.beats[-1]["pid"], int(console.events[0]["message"])
    console.lease = "lease-of-another-host"
    thread.join()
    assert states == ["lost"]
    assert console.finishes == []
    assert not alive(leader)
    assert not alive(grandchild)
    assert not (settings.runs / "run1" / "child.json").exists()


def test_silence_beyond_the_limit_kills_the_run(launch: Launch, console: FakeConsole) -> None:
    supervisor = launch(STUBBORN, options={"offline_limit_s": 0.3})
    thread, states = in_thread(supervisor)
    wait_for(lambda: console.events and console.beats and console.beats[-1]["pid"])
    leader = console.beats[-1]["pid"]
    console.down = True
    thread.join()
    assert states == ["lost"]
    assert not alive(leader)


def test_the_status_of_a_killed_child_is_reported_as_it_is(
    launch: Launch, console: FakeConsole
) -> None:
    launch("os.kill(os.getpid(), signal.SIGKILL)").supervise()
    assert console.finishes[0]["exit_code"] == -9
    assert console.finishes[0]["report"] is None


def test_stragglers_die_with_the_leader(launch: Launch, console: FakeConsole) -> None:
    launch("""
p = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
events.status("running", str(p.pid))
""").supervise()
    assert not alive(int(console.events[0]["message"]))


def test_the_leftover_of_an_earlier_attempt_is_killed_with_its_tree(
    launch: Launch, console: FakeConsole, settings: HostSettings
) -> None:
    thread, _ = in_thread(launch(STUBBORN))
    wait_for(lambda: console.events and console.beats and console.beats[-1]["pid"])
    leader = console.beats[-1]["pid"]
    record = settings.runs / "run1" / "child.json"
    assert json.loads(record.read_text())["worker_pid"] == os.getpid()
    assert alive(leader)
    assert kill_leftovers(settings.runs / "run1", "run1") == 2
    thread.join()
    assert not alive(leader)


def test_a_leftover_may_save_before_it_ends(
    launch: Launch, console: FakeConsole, settings: HostSettings
) -> None:
    thread, _ = in_thread(launch(RESUMABLE))
    wait_for(lambda: console.events and console.beats and console.beats[-1]["pid"])
    assert kill_leftovers(settings.runs / "run1", "run1", 20.0) == 0
    thread.join()
    assert console.finishes[0]["exit_code"] == ExitCode.INTERRUPTED
    assert console.events[-1]["phase"] == "saving"


def test_a_process_that_merely_has_the_recorded_id_is_spared(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        record = PidRecord(stranger.pid, stranger.pid, 1.0, 1, 1.0)
        (tmp_path / "child.json").write_text(json.dumps(asdict(record)))
        assert kill_leftovers(tmp_path, "run1") == 0
        assert alive(stranger.pid)
        stranger.kill()


def test_the_child_never_sees_the_token_but_sees_the_allowed_roots(
    launch: Launch, console: FakeConsole, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEHOUSE_HOST_TOKEN", "secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.test")
    launch("print(json.dumps(dict(os.environ)))").supervise()
    seen = json.loads(console.log)
    assert "secret" not in console.log.decode()
    assert seen["OMP_NUM_THREADS"] == "3"
    assert seen["MLFLOW_TRACKING_URI"] == "http://mlflow.test"
    assert seen["GATEHOUSE_ALLOWED_ROOTS"] == str(tmp_path)


def test_config_sources_bindings_and_overrides_reach_the_child(
    launch: Launch, console: FakeConsole
) -> None:
    data = b"records"
    sha = hashlib.sha256(data).hexdigest()
    console.blobs[sha] = data
    entry = FileEntry("train.jsonl", sha, len(data))
    row = {"path": entry.path, "sha256": sha, "size": entry.size}
    launch(
        """
config = Path(arguments[1])
print(json.dumps({"text": config.read_text(), "base": (config.parent / "base/b.yaml").read_text(),
  "bind": arguments[arguments.index("--bind") + 1], "set": arguments[arguments.index("--set") + 1],
  "resume": "--resume" in arguments}))
""",
        config={
            "filename": "top.yaml",
            "text": "extends: base/b.yaml",
            "sources": [{"path": "base/b.yaml", "text": "kind: synth"}],
        },
        bindings=[{"ref": "dataset:d@1", "digest": tree_digest([entry]), "files": [row]}],
        set={"limits.count": 3},
        resume=True,
    ).supervise()
    seen = json.loads(console.log)
    assert seen["text"] == "extends: base/b.yaml"
    assert seen["base"] == "kind: synth"
    assert seen["set"] == "limits.count=3"
    assert seen["resume"]
    ref, _, folder = seen["bind"].partition("=")
    assert ref == "dataset:d@1"
    assert (Path(folder) / "train.jsonl").read_bytes() == data


@pytest.mark.parametrize("path", ["../x.yaml", "/etc/x.yaml", "a/../../x.yaml", ""])
def test_a_config_path_that_leaves_its_folder_ends_as_data(
    launch: Launch, console: FakeConsole, path: str
) -> None:
    config = {"filename": path, "text": "kind: synth", "sources": []}
    launch('events.status("running", "never")', config=config).supervise()
    assert console.finishes[0]["exit_code"] == ExitCode.DATA
    assert [e["type"] for e in console.events] == ["error"]
    assert "refused the path" in console.events[0]["message"]


def test_an_input_that_cannot_be_fetched_ends_as_infrastructure(
    launch: Launch, console: FakeConsole
) -> None:
    entry = FileEntry("train.jsonl", "0" * 64, 3)
    row = {"path": entry.path, "sha256": entry.sha256, "size": 3}
    binding = {"ref": "dataset:d@1", "digest": tree_digest([entry]), "files": [row]}
    launch("", bindings=[binding]).supervise()
    assert console.finishes[0]["exit_code"] == ExitCode.INFRA


def test_an_output_that_vanished_is_not_announced(launch: Launch, console: FakeConsole) -> None:
    launch("""
row = {"path": "gone.jsonl", "sha256": "0" * 64, "size": 1}
write_json(folder.outputs, {"outputs": [
    {"name": "dataset", "type": "dataset", "digest": "1" * 64, "files": [row]}]})
""").supervise()
    assert console.finishes[0]["exit_code"] == ExitCode.INFRA
    assert console.finishes[0]["outputs"] == []


def test_a_full_disk_before_the_child_ends_as_infrastructure(
    launch: Launch, console: FakeConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Supervisor, "_write_config", full)
    launch("").supervise()
    assert console.finishes[0]["exit_code"] == ExitCode.INFRA
