"""From the claim to the end: heartbeats, cancel, requeue, resume, reaper, tick, outputs."""
from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from console.accounts.audit import SYSTEM
from console.api.problems import ApiProblem
from console.catalog import blobs
from console.catalog.models import Output
from console.fleet.models import Host, Pulse
from console.gates.models import GateResult
from console.runs import finishing, services
from console.runs.models import Attempt, Run
from console.runs.queries import stalled
from mlcore.run.hashing import FileEntry, tree_listing
from tests.unit.console.runs.conftest import (
    claimed,
    event,
    finish,
    metric,
    send,
    silence,
    state_of,
)

pytestmark = pytest.mark.django_db


def beat(attempt: Attempt, lease: str = "") -> bool:
    return services.beat(attempt.pk, lease or str(attempt.lease), 11, 11)[0]


def output_of(content: bytes, name: str = "predictions", type_: str = "predictions") -> Any:
    sha = hashlib.sha256(content).hexdigest()
    listing = blobs.put_bytes(tree_listing([FileEntry("data.txt", sha, len(content))]))
    return {"name": name, "type": type_, "digest": listing.sha256}


def test_a_heartbeat_extends_the_lease_and_knows_the_process(launch: Any, host: Host) -> None:
    launch()
    attempt = claimed(host)
    before = attempt.lease_expires
    assert beat(attempt) is False
    attempt.refresh_from_db()
    assert attempt.lease_expires > before and (attempt.pid, attempt.pgid) == (11, 11)


def test_a_queued_run_is_cancelled_at_once(launch: Any, operator: Any) -> None:
    run = launch()
    services.cancel(SYSTEM, run)
    assert state_of(run) == ("cancelled", "user")


def test_a_running_run_is_asked_to_stop_and_then_is_cancelled(launch: Any, host: Host) -> None:
    run = launch()
    attempt = claimed(host)
    services.cancel(SYSTEM, run)
    assert state_of(run)[0] == "cancelling"
    services.cancel(SYSTEM, run)
    assert beat(attempt) is True
    assert finish(attempt, 6) == "cancelled"
    assert state_of(run) == ("cancelled", "user")


def test_an_ended_run_cannot_be_cancelled(launch: Any, host: Host) -> None:
    run = launch()
    finish(claimed(host), 0)
    run.refresh_from_db()
    with pytest.raises(services.StateConflictError):
        services.cancel(SYSTEM, run)


@pytest.mark.parametrize("write", ["beat", "events", "log", "finish"])
@pytest.mark.parametrize("fence", ["wrong", "nonsense", "ended", "taken over"])
def test_every_write_is_fenced_by_the_lease(
    launch: Any, host: Host, write: str, fence: str
) -> None:
    launch()
    attempt = claimed(host)
    lease = str(attempt.lease)
    if fence == "wrong":
        lease = str(uuid.uuid4())
    elif fence == "nonsense":
        lease = "no lease"
    elif fence == "ended":
        finish(attempt, 70)
    else:
        silence(attempt)
        services.reap()
        claimed(host)
    attempt.lease = lease  # type: ignore[assignment]
    acts = {
        "beat": lambda: beat(attempt),
        "events": lambda: send(attempt, metric(1, 1)),
        "log": lambda: services.take_log(attempt.pk, lease, 0, b"x"),
        "finish": lambda: finish(attempt, 0),
    }
    with pytest.raises(services.LeaseLostError) as caught:
        acts[write]()
    assert (caught.value.status_code, caught.value.code) == (409, "lease_lost")


def test_telling_the_same_end_twice_gets_the_same_answer(launch: Any, host: Host) -> None:
    launch()
    attempt = claimed(host)
    assert [finish(attempt, 0), finish(attempt, 0)] == ["succeeded", "succeeded"]


def test_infrastructure_is_tried_three_times(launch: Any, host: Host) -> None:
    run = launch()
    assert [finish(claimed(host), 72) for _ in range(3)] == ["queued", "queued", "failed"]
    assert state_of(run) == ("failed", "infra")


def test_a_crash_of_the_code_is_not_tried_again(launch: Any, host: Host) -> None:
    run = launch()
    attempt = claimed(host)
    send(attempt, event(1, "error", code="bug", message="boom", hint="look", where="a.py:1"))
    assert finish(attempt, 70) == "failed"
    assert state_of(run) == ("failed", "code")
    assert run.error["message"] == "boom"


def test_silence_loses_the_attempt_and_queues_the_run_again(launch: Any, host: Host) -> None:
    run = launch()
    attempt = claimed(host)
    assert services.reap() == 0
    silence(attempt)
    assert services.reap() == 1
    attempt.refresh_from_db()
    assert (attempt.state, attempt.reason) == ("lost", "lost")
    assert state_of(run) == ("queued", "lost")
    assert claimed(host).number == 2


def test_a_cancelled_run_whose_host_died_is_cancelled(launch: Any, host: Host) -> None:
    run = launch()
    attempt = claimed(host)
    services.cancel(SYSTEM, run)
    silence(attempt)
    services.reap()
    assert state_of(run) == ("cancelled", "user")


def test_an_outage_of_the_console_is_not_held_against_the_hosts(launch: Any, host: Host) -> None:
    run = launch()
    attempt = claimed(host)
    services.tick()
    silence(attempt)
    Pulse.objects.update(last_tick=timezone.now() - timedelta(minutes=3))
    assert services.tick()["reaped"] == 0
    assert state_of(run)[0] == "running"
    assert beat(attempt) is False


def test_the_tick_reaps_and_wakes_for_what_waits(
    launch: Any, host: Host, monkeypatch: Any
) -> None:
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr(finishing, "wake", lambda queue, n: sent.append((queue, n)) or n)
    services.tick()
    launch()
    attempt = claimed(host)
    silence(attempt)
    old = launch(queue="gpu")
    Run.objects.filter(pk=old.pk).update(queued_at=timezone.now() - timedelta(seconds=11))
    launch()
    assert services.tick() == {"reaped": 1, "woken": 1}
    assert sent == [("gpu", 1)]


def test_a_stopped_training_resumes_as_its_next_attempt(launch: Any, host: Host) -> None:
    run = launch()
    Run.objects.filter(pk=run.pk).update(kind="sft")
    attempt = claimed(host)
    services.cancel(SYSTEM, run)
    finish(attempt, 75)
    assert state_of(run) == ("cancelled", "user")
    services.resume(SYSTEM, run)
    again = claimed(host)
    assert (again.run, again.number, services.describe(again)["resume"]) == (run, 2, True)
    assert beat(again) is False


@pytest.mark.parametrize(("kind", "code"), [("synth", 70), ("sft", 0), ("sft", 2)])
def test_what_cannot_continue_is_not_resumed(
    launch: Any, host: Host, kind: str, code: int
) -> None:
    run = launch()
    Run.objects.filter(pk=run.pk).update(kind=kind)
    finish(claimed(host), code)
    run.refresh_from_db()
    with pytest.raises(services.StateConflictError):
        services.resume(SYSTEM, run)


def test_a_good_end_brings_report_and_outputs(launch: Any, host: Host) -> None:
    run = launch()
    attempt = claimed(host)
    output = output_of(b"hello")
    blobs.put_bytes(b"hello")
    report = {"schema": "x/1", "headline": {"f1": {"value": 0.5, "unit": "", "n": 3}}}
    finish(attempt, 0, report=report, manifest={"kind": "synth"}, outputs=[output])
    run.refresh_from_db()
    assert run.headline == report["headline"] and run.manifest == {"kind": "synth"}
    assert Output.objects.get(run_uid=run.uid).digest == output["digest"]


def test_an_output_without_its_bytes_ends_nothing(launch: Any, host: Host) -> None:
    run = launch()
    attempt = claimed(host)
    with pytest.raises(ApiProblem) as caught:
        finish(attempt, 0, outputs=[output_of(b"never uploaded")])
    assert caught.value.status_code == 422
    assert state_of(run)[0] == "running"
    assert finish(attempt, 70) == "failed"


@pytest.mark.parametrize(
    ("listing", "code"),
    [
        (None, "missing_listing"),
        (b"[{", "files"),
        (b'{"path": "a"}', "files"),
        (b'[{"path": "a", "sha256": "b", "size": true}]', "files"),
        (b'[{"path":"../a","sha256":"%s","size":1}]' % (b"0" * 64), "files"),
        (b'[ {"path":"a","sha256":"%s","size":0}]' % hashlib.sha256(b"").hexdigest().encode(),
         "digest_mismatch"),
    ],
)  # fmt: skip
def test_an_output_without_a_true_listing_ends_nothing(
    launch: Any, host: Host, listing: bytes | None, code: str
) -> None:
    run = launch()
    attempt = claimed(host)
    blobs.put_bytes(b"")
    digest = blobs.put_bytes(listing).sha256 if listing is not None else "0" * 64
    with pytest.raises(ApiProblem) as caught:
        finish(attempt, 0, outputs=[{"name": "files", "type": "files", "digest": digest}])
    assert (caught.value.status_code, caught.value.code) == (422, code)
    assert state_of(run)[0] == "running"
    assert not Output.objects.exists()


@pytest.mark.parametrize(("said", "code"), [(True, 0), (False, 5), ("yes", 5), (None, 5)])
def test_a_gate_is_passed_only_by_a_plain_true(
    launch: Any, host: Host, said: Any, code: int
) -> None:
    run = launch()
    report = {
        "schema": "gate/1", "policy": "demo", "passed": said, "checks": [{"id": "a"}],
        "evidence": {"model_digest": "b" * 64}, "headline": {},
    }
    finish(claimed(host), code, report=report)
    result = GateResult.objects.get(run=run)
    assert result.passed is (said is True)
    assert (result.policy, result.model_digest) == ("demo", "b" * 64)


def test_a_run_that_says_nothing_is_stalled(launch: Any, host: Host, project: Any) -> None:
    run = launch()
    attempt = claimed(host)
    send(attempt, event(1, "status", phase="running", message="training"))
    assert stalled(project) == []
    Attempt.objects.update(last_event=timezone.now() - timedelta(minutes=6))
    assert stalled(project) == [run]


def test_every_change_raises_the_version(launch: Any, host: Host) -> None:
    run = launch()
    seen = [run.version]
    attempt = claimed(host)
    for act in (
        lambda: send(attempt, metric(1, 1)),
        lambda: services.take_log(attempt.pk, str(attempt.lease), 0, b"x"),
        lambda: services.cancel(SYSTEM, run),
        lambda: finish(attempt, 6),
    ):
        act()
        run.refresh_from_db()
        seen.append(run.version)
    assert seen == sorted(set(seen))


def test_only_one_run_of_a_kind_is_the_baseline(launch: Any) -> None:
    first, second = launch(), launch()
    services.edit(SYSTEM, first, {"pinned": True})
    services.edit(SYSTEM, second, {"pinned": True, "tags": ["a", "b"], "note": "n"})
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.pinned, second.pinned, second.tags) == (False, True, ["a", "b"])
