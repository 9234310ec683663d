"""From `up` to the first page, and the memory of an idle stack."""

from __future__ import annotations

import os
import time
from pathlib import Path

import httpx2

from tests.bench.figures import Figures
from tests.support import stack_configs as configs
from tests.support.stack import Stack, running, wait_for

SETTLE_S = 8.0
"""after which nothing of the start is going on any more"""


def first_page(stack: Stack) -> float:
    """Seconds from the start of `up` until the sign-in page is there."""
    began = time.perf_counter()
    stack.up()
    page = httpx2.get(f"{stack.url}/sign-in/", timeout=30, trust_env=False)
    assert page.status_code == 200
    return time.perf_counter() - began


def proportional_set(pid: int) -> float:
    """PSS of a process in MB: its own pages and its share of the common ones."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise AssertionError(f"no PSS of process {pid}")


def test_up_to_the_first_page(figures: Figures, tmp_path: Path) -> None:
    fresh, again = [], []
    for number in range(3):
        stack = Stack(tmp_path / str(number))
        try:
            fresh.append(first_page(stack))
            stack.down()
            again.append(first_page(stack))
            stack.down()
        finally:
            stack.kill()
    figures("up to the first page, new state folder, worst", max(fresh), "s", len(fresh), "<= 8 s")
    figures("up to the first page, again, worst", max(again), "s", len(again), "<= 8 s")


def sizes_by_service(stack: Stack) -> dict[str, list[float]]:
    """PSS in MB of every process that `up` started, itself included. A service leads a session
    of its own, so its helpers are counted with it."""
    names = {pid: name for name, pid in stack.services().items()}
    sizes: dict[str, list[float]] = {}
    for pid in stack.processes():
        sizes.setdefault(names.get(os.getsid(pid), "up"), []).append(proportional_set(pid))
    return sizes


def test_idle_memory(figures: Figures) -> None:
    with running() as stack:
        client = stack.client()
        wait_for(lambda: client.items("hosts/"), "the worker's hello")
        time.sleep(SETTLE_S)
        sizes = sizes_by_service(stack)
        for name, found in sorted(sizes.items()):
            figures(f"idle PSS of {name}, {len(found)} processes", sum(found), "MB", 1)
        n = sum(map(len, sizes.values()))
        total = sum(map(sum, sizes.values()))
        figures("idle PSS of the whole stack", total, "MB", n, "<= 400 MB")
        client.succeeded(client.launch(configs.synth(8, 2)))
        client.items("datasets/small-scenes/versions/1/records/")
        time.sleep(SETTLE_S)
        total = sum(map(sum, sizes_by_service(stack).values()))
        figures("idle PSS of the whole stack after a run", total, "MB", n, "<= 400 MB")
