"""A supervisor tells what the attempts before its own left unsaid, before it starts its child."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobs.settings import HostSettings
from mlcore.run.events import EventWriter
from mlcore.run.folder import RunFolder
from tests.support.fake_console import FakeConsole

Launch = Callable[..., Any]
CHILD = "sys.exit(0)\n"


def continued(console: FakeConsole, last_seq: int, log_size: int) -> dict[str, Any]:
    """The changes that make a claim the second attempt of its run."""
    earlier = {"id": 6, "number": 1, "last_seq": last_seq, "log_size": log_size}
    attempt = {"id": 7, "number": 2, "lease": console.lease, "lease_expires": "x"}
    return {"attempt": attempt, "earlier": [earlier]}


def left_behind(settings: HostSettings) -> None:
    folder = RunFolder(settings.runs / "run1")
    events = EventWriter(folder.events(1))
    for step in range(1, 6):
        events.metric(step, {"loss": 1.0})
    events.close()
    folder.log(1).write_bytes(b"told, not told")


def test_the_rest_of_an_earlier_attempt_goes_home_first(
    launch: Launch, console: FakeConsole, settings: HostSettings
) -> None:
    left_behind(settings)
    console.events = [{"seq": 1}, {"seq": 2}]
    console.log = b"told"
    launch(CHILD, **continued(console, 2, 4)).supervise()
    assert [e["seq"] for e in console.events] == [1, 2, 3, 4, 5]
    assert console.log == b"told, not told"
    writes = [r for r in console.requests if r.endswith(("/events", "/log", "/finish"))]
    assert writes == [
        "POST /attempts/6/events", "POST /attempts/6/log", "POST /attempts/7/finish"
    ]


def test_an_attempt_that_was_told_in_full_is_not_told_again(
    launch: Launch, console: FakeConsole, settings: HostSettings
) -> None:
    left_behind(settings)
    launch(CHILD, **continued(console, 5, 14)).supervise()
    assert not [r for r in console.requests if r.startswith("POST /attempts/6/")]


def test_an_attempt_of_another_host_left_no_files_and_is_passed_over(
    launch: Launch, console: FakeConsole
) -> None:
    assert launch(CHILD, **continued(console, 5, 14)).supervise() == "succeeded"
