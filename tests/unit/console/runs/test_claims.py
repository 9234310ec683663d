"""Who gets which run, and that nobody gets one twice."""
from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from console.accounts.audit import SYSTEM
from console.api.problems import ApiProblem
from console.fleet.models import Host
from console.fleet.services import set_draining
from console.runs import services
from console.runs.models import Attempt, Run
from console.runs.waiting import waiting_reason
from tests.support import people
from tests.unit.console.runs.conftest import claim, claimed, finish, make_host, silence, state_of

pytestmark = pytest.mark.django_db


def test_a_claim_starts_the_run_under_a_lease(launch: Any, host: Host) -> None:
    run = launch()
    attempt = claimed(host)
    assert state_of(run) == ("running", "")
    assert (attempt.run, attempt.number, attempt.host) == (run, 1, host)
    assert attempt.lease_expires > timezone.now()
    body = services.describe(attempt)
    assert body["config"]["text"] == run.config_text and body["resume"] is False


def test_an_empty_queue_gives_nothing(host: Host) -> None:
    assert claim(host) is None


def test_an_unknown_host_must_say_hello_first(launch: Any, host: Host) -> None:
    with pytest.raises(ApiProblem) as caught:
        services.claim(host.pk + 1, "w", ["cpu"], ["synth"])
    assert caught.value.status_code == 404


def test_the_highest_priority_goes_first_then_the_oldest(launch: Any, host: Host) -> None:
    old, new, urgent = launch(), launch(), launch(priority=5)
    assert [claimed(host).run for _ in range(3)] == [urgent, old, new]


def test_projects_take_turns(launch: Any, host: Host, foreign_project: Any) -> None:
    first, second = launch(), launch()
    theirs = launch(into=foreign_project)
    assert [claimed(host).run for _ in range(3)] == [first, theirs, second]


def test_people_take_turns(launch: Any, host: Host, operator: Any, lead: Any) -> None:
    first, second, other = launch(by=operator), launch(by=operator), launch(by=lead)
    assert [claimed(host).run for _ in range(3)] == [first, other, second]


def test_a_worker_gets_only_its_queues_and_kinds(launch: Any, host: Host) -> None:
    launch(queue="gpu")
    assert claim(host, queues=["cpu"]) is None
    assert claim(host, kinds=["sft"]) is None
    assert claim(host, queues=["gpu"]) is not None


def test_a_full_worker_gets_no_more(launch: Any) -> None:
    host = make_host(slots=1)
    launch(), launch()
    assert claim(host) is not None
    assert claim(host) is None


def test_a_draining_host_takes_nothing_new(launch: Any, host: Host, operator: Any) -> None:
    run = launch()
    set_draining(SYSTEM, host, draining=True)
    assert claim(host) is None
    assert waiting_reason(run) == "Host box is draining."
    set_draining(SYSTEM, host, draining=False)
    assert claim(host) is not None


def test_gpus_are_leased_one_by_one(launch: Any) -> None:
    gpus = [{"index": i, "name": "H", "memory_mb": 1} for i in range(2)]
    host = make_host(queues=["gpu"], gpus=gpus)
    for _ in range(3):
        launch(queue="gpu")
    first, second = claimed(host), claimed(host)
    assert [first.gpus, second.gpus] == [[0], [1]]
    assert claim(host) is None
    finish(first, 0)
    assert claimed(host).gpus == [0]


def test_a_resumable_run_waits_for_the_host_with_its_checkpoint(
    launch: Any, host: Host, monkeypatch: Any
) -> None:
    run = launch()
    finish(claimed(host), 75)
    Run.objects.filter(pk=run.pk).update(folder_host=host, kind="sft")
    run.refresh_from_db()
    other = make_host("other")
    assert claim(other) is None
    Host.objects.filter(pk=host.pk).update(last_seen=timezone.now() - timedelta(minutes=5))
    host.workers.update(last_seen=timezone.now() - timedelta(minutes=5))
    assert waiting_reason(run) == "Host box has its checkpoint and is offline."
    assert claimed(make_host()).number == 2


def test_a_run_without_checkpoints_goes_on_anywhere(launch: Any, host: Host) -> None:
    launch()
    finish(claimed(host), 72)
    assert claimed(make_host("other")).number == 2


@pytest.mark.parametrize(
    ("hosts", "others", "sentence"),
    [
        ([], 0, "No worker serves the queue cpu."),
        ([{"queues": ["gpu"]}], 0, "No worker serves the queue cpu."),
        ([{"kinds": ["sft"]}], 0, "No worker of the queue cpu can do a run of kind synth."),
        ([{}], 3, "3 runs are ahead of it."),
        ([{}], 0, "It is next; a worker is about to take it."),
    ],
)
def test_a_waiting_run_says_why(launch: Any, hosts: Any, others: int, sentence: str) -> None:
    for changes in hosts:
        make_host(**changes)
    for _ in range(others):
        launch()
    assert waiting_reason(launch()) == sentence


def test_a_run_behind_busy_slots_says_so(launch: Any) -> None:
    host = make_host(slots=1)
    launch()
    claimed(host)
    assert waiting_reason(launch()) == "The only slot of the queue cpu is busy."


def test_a_running_run_waits_for_nothing(launch: Any, host: Host) -> None:
    run = launch()
    claimed(host)
    run.refresh_from_db()
    assert waiting_reason(run) == ""


@pytest.mark.django_db(transaction=True)
def test_many_claims_at_once_never_share_a_run() -> None:
    project = people.make_project("alpha")
    for _ in range(4):
        services.launch(SYSTEM, project, services.LaunchRequest(text="kind: synth\n"))
    hosts = [make_host(f"box-{n}", slots=1) for n in range(8)]
    ready = threading.Barrier(len(hosts))
    won: list[int] = []

    def race(host: Host) -> None:
        ready.wait()
        try:
            attempt = claim(host)
            if attempt is not None:
                won.append(attempt.run_id)
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=(host,)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 4 and len(set(won)) == 4
    assert Attempt.objects.count() == 4


def test_a_claim_after_the_reaper_has_a_new_lease(launch: Any, host: Host) -> None:
    launch()
    first = claimed(host)
    silence(first)
    assert services.reap() == 1
    second = claimed(host)
    assert second.number == 2 and second.lease != first.lease
