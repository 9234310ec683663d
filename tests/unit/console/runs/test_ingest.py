"""Events and log come home exactly once, whatever is repeated, lost or torn on the way."""
from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.accounts.audit import SYSTEM
from console.api.problems import ApiProblem
from console.fleet.models import Host
from console.runs import page_reads, services
from console.runs.event_schema import parse_events
from console.runs.log_read import read_log, read_tail
from console.runs.metric_store import read
from console.runs.models import Artifact, Attempt, LogChunk, MetricChunk, Run, RunEvent, Sample
from console.runs.queries import visible_samples
from tests.support import people
from tests.unit.console.runs.conftest import (
    claim,
    claimed,
    event,
    finish,
    make_host,
    metric,
    send,
)

pytestmark = pytest.mark.django_db


def sample(seq: int, step: int, name: str = "a") -> dict[str, Any]:
    image = {"path": "s.png", "sha256": "c" * 64, "size": 9, "width": 4, "height": 3}
    return event(
        seq, "sample", name=name, step=step, image=image, truth=[{"desc": "x"}], prediction=[],
        raw="{}", note="",
    )


def values(run: Any, key: str = "loss", **bounds: Any) -> list[tuple[int, float]]:
    views = read(run, [key], points=10**6, **bounds)
    return list(zip(views[0].points.steps, views[0].points.values, strict=True)) if views else []


@pytest.fixture
def attempt(launch: Any, host: Host) -> Attempt:
    launch()
    return claimed(host)


def test_each_kind_of_event_goes_to_its_place(attempt: Attempt) -> None:
    artifact = {"name": "r", "path": "r.txt", "sha256": "d" * 64, "size": 1, "media": "text/plain"}
    last = send(
        attempt,
        event(1, "status", phase="running", message="training"),
        event(2, "progress", done=3, total=10, unit="steps"),
        metric(3, 1, loss=2.5, lr=0.1),
        sample(4, 1),
        event(5, "artifact", **artifact),
        event(6, "warning", code="slow", message="slow disk", seconds=3),
        event(7, "gate", result={"policy": "demo", "passed": False}),
        event(8, "review_item", ticket="T1"),
    )
    run = attempt.run
    run.refresh_from_db()
    assert last == 8
    assert (run.phase, run.message) == ("running", "training")
    assert (run.progress_done, run.progress_total, run.progress_unit) == (3, 10, "steps")
    assert values(run) == [(1, 2.5)] and values(run, "lr") == [(1, 0.1)]
    assert Sample.objects.get().truth == [{"desc": "x"}]
    assert Artifact.objects.get().path == "r.txt"
    types = list(RunEvent.objects.order_by("seq").values_list("type", flat=True))
    assert types == ["status", "artifact", "warning", "gate", "review_item"]
    assert RunEvent.objects.get(type="warning").body["seconds"] == 3


def test_of_an_answer_that_is_being_written_only_the_newest_state_is_kept(
    attempt: Attempt,
) -> None:
    send(attempt, event(1, "stream", name="a", text="{", tokens=1), metric(2, 1))
    send(
        attempt,
        event(3, "stream", name="a", text='{"', tokens=2),
        event(4, "stream", name="b", text="[", tokens=1),
    )
    assert RunEvent.objects.get(type="stream").body == {"name": "b", "text": "[", "tokens": 1}
    run = Run.objects.get()
    assert page_reads.being_said(run) == {"name": "b", "text": "[", "tokens": 1}
    viewer = people.make_member(run.project, "viewer")
    page = people.browser(viewer).get(f"/p/{run.project.slug}/runs/{run.uid}/").content.decode()
    assert "Being answered now" in page
    assert "b · 1 token<" in page
    finish(attempt, 0)
    assert page_reads.being_said(Run.objects.get()) is None


def test_events_that_are_here_are_skipped(attempt: Attempt) -> None:
    send(attempt, metric(1, 1), metric(2, 2))
    assert send(attempt, metric(1, 1), metric(2, 2)) == 2
    assert send(attempt, metric(2, 2), metric(3, 3)) == 3
    assert values(attempt.run) == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_a_gap_is_named_with_what_is_here(attempt: Attempt) -> None:
    send(attempt, metric(1, 1))
    with pytest.raises(services.EventGapError) as caught:
        send(attempt, metric(3, 3))
    assert caught.value.extra == {"last_seq": 1}
    assert values(attempt.run) == [(1, 1.0)]


@pytest.mark.parametrize(
    ("bad", "pointer"),
    [
        ({"type": "metric", "step": 1, "values": {"loss": float("inf")}}, "/values/loss"),
        ({"type": "metric", "step": 1, "values": {"a/b": "x"}}, "/values/a~1b"),
        ({"type": "metric", "step": 1, "values": {"loss": True}}, "/values/loss"),
        ({"type": "metric", "step": 1.5, "values": {"loss": 1}}, "/step"),
        ({"type": "metric", "step": 1, "values": {}}, "/values"),
        ({"type": "metric", "step": 1, "values": {"loss": 1}, "extra": 1}, "/extra"),
        ({"type": "progress", "done": "1", "unit": "x"}, "/done"),
        ({"type": "dance"}, "/type"),
        ({"type": "stream", "name": "a", "text": "x" * 8001, "tokens": 1}, "/text"),
        ({"type": "stream", "name": "a", "text": "x", "tokens": -1}, "/tokens"),
        ({"type": ["metric"]}, "/type"),
        ({"type": "status", "phase": ""}, "/phase"),
        ({"type": "artifact", "name": "n", "path": "p", "sha256": "x"}, "/sha256"),
        ({"type": "status", "phase": "a", "time": "yesterday"}, "/time"),
        ({"type": "status", "phase": "a", "time": "2026-01-01T00:00:00"}, "/time"),
        ({"type": "status", "phase": "a", "v": 2}, "/v"),
        ({"type": "status", "phase": "a", "seq": 0}, "/seq"),
        ({"type": "status", "phase": "a", "seq": True}, "/seq"),
        ({"type": "status", "phase": "a", "seq": 7}, "/seq"),
    ],
)
def test_a_bad_event_is_refused_whole_with_its_place(bad: dict[str, Any], pointer: str) -> None:
    second = {"v": 1, "seq": 2, "time": "2026-01-31T12:00:00Z", **bad}
    with pytest.raises(ApiProblem) as caught:
        parse_events([metric(1, 1), second])
    assert (caught.value.status_code, caught.value.code) == (422, "invalid_event")
    assert caught.value.errors[0]["pointer"] == f"/events/1{pointer}"


@pytest.mark.parametrize("body", [None, {}, [], ["x"], [None]])
def test_what_is_no_list_of_events_is_refused(body: Any) -> None:
    with pytest.raises(ApiProblem):
        parse_events(body)


class CrashError(Exception):
    """The process dies before the commit."""


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_events_come_home_exactly_once_over_retries_and_crashes(data: Any) -> None:
    """A sender that knows only what it was answered sends overlapping batches; some transactions
    die before their commit, some answers are lost after it."""
    with transaction.atomic():
        project = people.make_project("random")
        services.launch(SYSTEM, project, services.LaunchRequest(text="kind: synth\n"))
        attempt = claim(make_host("random"))
        assert attempt is not None
        total = data.draw(st.integers(1, 60))
        events = [
            metric(seq, seq) if seq % 3 else event(seq, "warning", code="c", message=str(seq))
            for seq in range(1, total + 1)
        ]
        confirmed = 0
        while confirmed < total:
            first = data.draw(st.integers(0, confirmed))
            size = data.draw(st.integers(1, 25))
            fate = data.draw(st.sampled_from(["fine", "fine", "crash", "answer lost"]))
            try:
                with transaction.atomic():
                    answer = send(attempt, *events[first : first + size])
                    if fate == "crash":
                        raise CrashError
            except CrashError:
                continue
            if fate == "fine":
                confirmed = answer
        expected = [(e["seq"], float(e["seq"])) for e in events if e["type"] == "metric"]
        assert values(attempt.run) == expected
        kept = list(RunEvent.objects.filter(attempt=attempt).values_list("seq", flat=True))
        assert kept == [e["seq"] for e in events if e["type"] == "warning"]
        transaction.set_rollback(True)


def test_history_is_packed_and_the_tail_grows(attempt: Attempt) -> None:
    seq = 0
    for _ in range(30):
        send(attempt, *[metric(seq + n, seq + n) for n in range(1, 101)])
        seq += 100
    assert values(attempt.run) == [(n, float(n)) for n in range(1, 3001)]
    chunks = list(MetricChunk.objects.order_by("number").values_list("start", "n"))
    assert chunks == [(0, 1100), (1100, 1100), (2200, 800)]
    series = attempt.run.series.get()
    assert (series.n, series.minimum, series.maximum) == (3000, 1.0, 3000.0)
    assert (series.last_step, series.last_value) == (3000, 3000.0)


def test_a_zoom_reads_only_its_steps(attempt: Attempt) -> None:
    send(attempt, *[metric(n, n) for n in range(1, 2001)])
    assert values(attempt.run, first=700, last=702) == [(n, float(n)) for n in (700, 701, 702)]
    assert values(attempt.run, first=3000) == []


def test_a_live_chart_gets_only_what_is_new(attempt: Attempt) -> None:
    for start in (1, 1201, 2401):
        send(attempt, *[metric(n, n) for n in range(start, start + 1200)])
    assert values(attempt.run, after={"loss": 3598}) == [(3599, 3599.0), (3600, 3600.0)]
    assert values(attempt.run, after={"loss": 3600}) == []


def next_attempt(attempt: Attempt) -> Attempt:
    finish(attempt, 75)
    return claimed(attempt.host)


def test_a_rewind_hides_what_it_supersedes(attempt: Attempt) -> None:
    send(attempt, *[metric(n, n, loss=n) for n in range(1, 11)], sample(11, 4), sample(12, 9))
    second = next_attempt(attempt)
    send(second, event(1, "rewind", step=5), *[metric(n + 1, n + 5, loss=-n) for n in range(1, 4)])
    expected = [(n, float(n)) for n in range(1, 6)] + [(6, -1.0), (7, -2.0), (8, -3.0)]
    assert values(attempt.run) == expected
    assert [s.step for s in visible_samples(attempt.run)] == [4]


def test_a_later_rewind_cuts_deeper(attempt: Attempt) -> None:
    send(attempt, *[metric(n, n) for n in range(1, 11)])
    second = next_attempt(attempt)
    send(second, event(1, "rewind", step=8), metric(2, 9, loss=90), metric(3, 10, loss=100))
    third = next_attempt(second)
    send(third, event(1, "rewind", step=3), metric(2, 4, loss=-4))
    assert values(attempt.run) == [(1, 1.0), (2, 2.0), (3, 3.0), (4, -4.0)]


def test_an_attempt_that_starts_over_supersedes_what_it_repeats(attempt: Attempt) -> None:
    send(attempt, *[metric(n, n) for n in range(1, 6)])
    second = next_attempt(attempt)
    send(second, metric(1, 1, loss=7))
    assert values(attempt.run) == [(1, 7.0)]


def test_the_log_grows_by_offset(attempt: Attempt) -> None:
    lease = str(attempt.lease)
    assert services.take_log(attempt.pk, lease, 0, b"one\n") == 4
    assert services.take_log(attempt.pk, lease, 4, b"two\n") == 8
    with pytest.raises(services.OffsetMismatchError) as caught:
        services.take_log(attempt.pk, lease, 4, b"two\n")
    assert caught.value.extra == {"offset": 8}
    assert LogChunk.objects.count() == 1
    attempt.refresh_from_db()
    assert read_log(attempt, 0, 100).data == b"one\ntwo\n"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.binary(min_size=1, max_size=40_000), min_size=1, max_size=8), st.data())
def test_any_part_of_a_log_reads_back(pieces: list[bytes], data: Any) -> None:
    with transaction.atomic():
        project = people.make_project("random")
        services.launch(SYSTEM, project, services.LaunchRequest(text="kind: synth\n"))
        attempt = claim(make_host("random"))
        assert attempt is not None
        end = 0
        for piece in pieces:
            end = services.take_log(attempt.pk, str(attempt.lease), end, piece)
        whole = b"".join(pieces)
        attempt.refresh_from_db()
        offset = data.draw(st.integers(0, len(whole) + 5))
        limit = data.draw(st.integers(4, len(whole) + 5))
        part = read_log(attempt, offset, limit)
        assert whole[offset : offset + limit].startswith(part.data)
        assert len(part.data) >= min(limit, max(len(whole) - offset, 0)) - 3
        transaction.set_rollback(True)


def test_a_part_of_a_log_splits_no_character(attempt: Attempt) -> None:
    services.take_log(attempt.pk, str(attempt.lease), 0, "螺丝符合".encode())
    attempt.refresh_from_db()
    part = read_log(attempt, 0, 7)
    assert part.data.decode() == "螺丝"
    assert read_log(attempt, part.end, 7).data.decode() == "符合"


@pytest.mark.parametrize(("lines", "text"), [(1, b"c\n"), (2, b"b\nc\n"), (9, b"a\nb\nc\n")])
def test_the_tail_is_the_last_lines(attempt: Attempt, lines: int, text: bytes) -> None:
    services.take_log(attempt.pk, str(attempt.lease), 0, b"a\nb\nc\n")
    attempt.refresh_from_db()
    assert read_tail(attempt, lines).data == text
