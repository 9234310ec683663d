"""Runs, a host with a worker, and what the worker does by the host API's services."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from console.accounts.audit import SYSTEM, Actor
from console.fleet.models import Host
from console.fleet.services import Greeting, hello
from console.runs import services
from console.runs.event_schema import parse_events
from console.runs.models import Attempt, Run
from mlcore.kinds import KINDS

SYNTH = "kind: synth\nname: cabinets\n"
Launch = Callable[..., Run]


def make_host(name: str = "box", **changes: Any) -> Host:
    """A host whose one worker is called like it."""
    greeting = {
        "host": name, "boot_id": "boot", "worker": name, "queues": ["cpu"], "kinds": list(KINDS),
        "slots": 4, **changes,
    }
    return hello(Greeting(**greeting))


@pytest.fixture
def launch(project: Any) -> Launch:
    """`launch()` makes a queued synth run; keyword arguments go to the request."""

    def make(text: str = SYNTH, *, by: Any = None, into: Any = None, **changes: Any) -> Run:
        actor = SYSTEM if by is None else Actor.of_user(by)
        request = services.LaunchRequest(text=text, **changes)
        return services.launch(actor, into or project, request)

    return make


@pytest.fixture
def host(db: None) -> Host:
    return make_host()


def claim(host: Host, **changes: Any) -> Attempt | None:
    values: dict[str, Any] = {
        "worker": host.name, "queues": ["cpu", "gpu"], "kinds": list(KINDS), **changes
    }
    return services.claim(host.pk, **values)


def claimed(host: Host, **changes: Any) -> Attempt:
    attempt = claim(host, **changes)
    assert attempt is not None
    return attempt


def event(seq: int, type_: str, **fields: Any) -> dict[str, Any]:
    return {"v": 1, "seq": seq, "time": "2026-01-31T12:00:00.123Z", "type": type_, **fields}


def metric(seq: int, step: int, **values: float) -> dict[str, Any]:
    return event(seq, "metric", step=step, values=values or {"loss": float(step)})


def send(attempt: Attempt, *events: dict[str, Any]) -> int:
    return services.take_events(attempt.pk, str(attempt.lease), parse_events(list(events)))


def finish(attempt: Attempt, exit_code: int, **changes: Any) -> str:
    return services.finish(attempt.pk, str(attempt.lease), services.Ending(exit_code, **changes))


def silence(attempt: Attempt) -> None:
    """Make the attempt's lease run out."""
    Attempt.objects.filter(pk=attempt.pk).update(lease_expires=timezone.now().replace(year=2020))


def state_of(run: Run) -> tuple[str, str]:
    run.refresh_from_db()
    return run.state, run.reason
