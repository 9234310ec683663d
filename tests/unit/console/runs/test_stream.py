"""The live stream: one poller, many readers, newest state of each run."""
from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from console.accounts.audit import SYSTEM
from console.runs import broadcast, services, stream
from console.runs.models import Run
from tests.support import people

WAIT_S = 20.0


@pytest.fixture
def made(transactional_db: None) -> Run:
    project = people.make_project("alpha")
    return services.launch(SYSTEM, project, services.LaunchRequest(text="kind: synth\n"))


def row(uid: str, version: int = 1) -> dict[str, Any]:
    return {"uid": uid, "version": version, "project_id": 1}


async def next_frame(frames: AsyncIterator[bytes]) -> dict[str, str]:
    """The next event, as its lines; keep-alives and the retry hint are passed over."""
    while True:
        text = (await asyncio.wait_for(anext(frames), WAIT_S)).decode()
        if text.startswith(("id:", "event:")):
            return dict(line.split(": ", 1) for line in text.strip().splitlines())


def in_thread(work: Any) -> Any:
    """Run database work beside the event loop and close its connection."""

    def done() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return sync_to_async(done, thread_sensitive=False)()


def test_a_reader_gets_the_state_now_and_each_change(made: Run) -> None:
    async def read() -> list[dict[str, Any]]:
        epoch = datetime.fromtimestamp(0, UTC)
        frames = stream.events(made.project_id, made.uid, epoch)
        first = await next_frame(frames)
        await in_thread(lambda: services.cancel(SYSTEM, made))
        while True:
            second = await next_frame(frames)
            if json.loads(second["data"])["state"] != "queued":
                break
        await frames.aclose()  # type: ignore[attr-defined]
        return [first, second]

    first, second = asyncio.run(read())
    assert first["event"] == "run" and json.loads(first["data"])["state"] == "queued"
    assert json.loads(second["data"])["state"] == "cancelled"
    assert int(second["id"]) >= int(first["id"])


def test_the_poller_rests_when_nobody_reads(made: Run) -> None:
    async def read() -> None:
        frames = stream.events(made.project_id, "", datetime.fromtimestamp(0, UTC))
        await next_frame(frames)
        assert broadcast.broadcaster._thread is not None
        await frames.aclose()  # type: ignore[attr-defined]

    asyncio.run(read())
    thread = broadcast.broadcaster._thread
    if thread is not None:
        thread.join(WAIT_S)
    assert broadcast.broadcaster._thread is None


@pytest.mark.django_db
def test_changes_are_those_of_the_project_since_then(launch: Any, foreign_project: Any) -> None:
    mine = launch()
    launch(into=foreign_project)
    past = mine.updated - timedelta(seconds=1)
    assert [r["uid"] for r in broadcast.changed_since(past, [mine.project_id])] == [mine.uid]
    assert broadcast.changed_since(mine.updated, [mine.project_id]) == []


def test_a_slow_reader_keeps_the_newest_and_hears_of_what_was_dropped() -> None:
    async def slow() -> tuple[list[dict[str, Any]], bool]:
        subscription = broadcast.Subscription(1)
        subscription.put([row("same", 1), row("same", 2)])
        subscription.put([row(str(n)) for n in range(broadcast.MOST_PENDING)])
        return await subscription.take(1.0), subscription.overflowed

    rows, overflowed = asyncio.run(slow())
    assert len(rows) == broadcast.MOST_PENDING and overflowed
    assert "same" not in {r["uid"] for r in rows}


def test_a_run_is_sent_once_with_its_newest_version() -> None:
    async def slow() -> list[dict[str, Any]]:
        subscription = broadcast.Subscription(1)
        subscription.put([row("a", 1), row("b", 1)])
        subscription.put([row("a", 2)])
        return await subscription.take(1.0)

    assert [(r["uid"], r["version"]) for r in asyncio.run(slow())] == [("b", 1), ("a", 2)]


def test_a_reader_of_one_run_hears_of_that_run_only() -> None:
    async def make() -> broadcast.Subscription:
        return broadcast.Subscription(1, "a")

    subscription = asyncio.run(make())
    assert subscription.wants(row("a")) and not subscription.wants(row("b"))
    assert not subscription.wants({**row("a"), "project_id": 2})


def test_a_reader_that_comes_back_goes_on_after_its_last_event() -> None:
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    last_id = str(int(moment.timestamp() * 1000))
    assert stream._since(last_id, "") == moment - broadcast.WINDOW
    assert stream._since("", "") > datetime.now(UTC) - timedelta(minutes=2)
    assert stream._since("nonsense; drop", "") > datetime.now(UTC) - timedelta(minutes=2)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "status"),
    [("", 400), ("?project=beta", 404), ("?project=alpha&run=none", 404), ("?project=alpha", 200)],
)
def test_a_stream_needs_a_project_of_ones_own(
    api: Any, viewer: Any, foreign_project: Any, query: str, status: int
) -> None:
    answer = api(viewer).get(
        f"/api/v1/stream{query}", headers={"Accept": "text/event-stream"}
    )
    assert answer.status_code == status
    if status == 200:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["X-Accel-Buffering"] == "no"
