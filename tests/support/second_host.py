"""A host of our own beside the stack's worker: it claims runs and says what a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jobs.client import HostClient
from jobs.messages import Claim
from mlcore.run.events import utc_now
from tests.support.stack import Client, Stack, wait_for

NAME = "second-host"


class SecondHost:
    """Speaks the host API with the stack's own host token."""

    def __init__(self, stack: Stack) -> None:
        self.client = HostClient(stack.url, stack.host_token)
        body = {
            "host": NAME, "boot_id": "boot", "worker": NAME, "queues": ["cpu"], "gpus": [],
            "kinds": ["synth", "sft"], "slots": 100, "version": "1",
        }
        self.id = self.client.hello(body).host_id

    def claim(self) -> Claim:
        """The next queued run; there must be one."""
        found = self.client.claim(self.id, NAME, ["cpu"], ["synth", "sft"])
        assert found is not None
        return found


@contextmanager
def alone(stack: Stack) -> Iterator[SecondHost]:
    """While it lasts, the stack's own worker takes nothing new and a second host may."""
    admin = stack.admin_client()
    own = [host for host in _online(admin) if host["name"] != NAME]
    for host in own:
        admin.post(f"/api/v1/hosts/{host['id']}/drain/", {"draining": True})
    second = SecondHost(stack)
    try:
        yield second
    finally:
        second.client.close()
        for host in own:
            admin.post(f"/api/v1/hosts/{host['id']}/drain/", {"draining": False})


def _online(admin: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wait_for(lambda: admin.items("hosts/"), "the worker's hello")
    return found


def event(seq: int, type_: str, **fields: Any) -> dict[str, Any]:
    return {"v": 1, "seq": seq, "time": utc_now(), "type": type_, **fields}
