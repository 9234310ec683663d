"""Hosts over HTTP."""
from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from console.accounts.models import AuditEntry
from console.fleet.models import Host, WorkerProcess
from console.fleet.services import Greeting, forget_silent_workers, hello
from tests.support import people

pytestmark = pytest.mark.django_db


def greet(worker: str, **changes: Any) -> Host:
    values: dict[str, Any] = {
        "host": "box", "boot_id": "b", "worker": worker, "queues": ["cpu"], "kinds": ["synth"],
        "slots": 2, **changes,
    }
    return hello(Greeting(**values))


def test_a_host_is_what_its_live_workers_are_together() -> None:
    greet("one")
    host = greet("two", queues=["gpu"], kinds=["sft"], slots=1)
    assert (host.queues, host.kinds, host.slots) == (["cpu", "gpu"], ["sft", "synth"], 3)
    WorkerProcess.objects.filter(name="one").update(
        last_seen=timezone.now() - timedelta(minutes=1)
    )
    assert greet("two", queues=["gpu"], kinds=["sft"], slots=1).queues == ["gpu"]


def test_a_silent_host_is_offline_and_its_worker_is_forgotten_later() -> None:
    host = greet("one")
    assert host.state == "online"
    past = timezone.now() - timedelta(hours=2)
    Host.objects.update(last_seen=past)
    WorkerProcess.objects.update(last_seen=past)
    host.refresh_from_db()
    assert host.state == "offline"
    assert forget_silent_workers() == 1


def test_only_an_administrator_drains(api: Any, admin: Any, project: Any) -> None:
    host = greet("one")
    url = f"/api/v1/hosts/{host.pk}/drain/"
    assert api(admin).send("post", url, {"draining": True}).status_code in (403, 404)
    root = api(people.make_user("root", is_superuser=True))
    answer = root.send("post", url, {"draining": True})
    assert json.loads(answer.content)["state"] == "draining"
    assert AuditEntry.objects.get(action="host.drain").object == "box"
    listed = json.loads(api(admin).get("/api/v1/projects/alpha/hosts/").content)["items"]
    assert listed[0]["workers"][0]["name"] == "one"
