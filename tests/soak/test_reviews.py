"""Twenty reviewers while the web server is killed at random: `make soak`. A dated line in
reviews.txt says what was done."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from console.embedded.stack import usable_cores
from tests.support.postgres import postgres, run_python
from tests.support.reviewing import review_while
from tests.support.stack import Stack, running, wait_for

RESULTS = Path(__file__).resolve().parent / "reviews.txt"
KILLS = int(os.environ.get("GATEHOUSE_SOAK_KILLS", "20"))
WORKS_S = 4.0
"""mean seconds that the server works before it is killed again"""
MODULE = ["-m", "tests.support.reviewing"]


def told(arguments: list[str], stack: Stack, database: str) -> object:
    process = run_python([*MODULE, *arguments], stack.state.root, database)
    text, _ = process.communicate()
    assert process.returncode == 0, text
    return json.loads(text.strip().splitlines()[-1])


def kill_web(stack: Stack, killed: list[float], over: threading.Event) -> None:
    """Kill the server and all its workers KILLS times, each time at a random moment after it has
    come back."""
    chance = random.Random(5)
    try:
        while len(killed) < KILLS:
            wait_for(lambda: answers(stack.url), "the web server")
            time.sleep(chance.uniform(0.2, 1.8) * WORKS_S)
            pid = stack.services().get("web")
            if pid is not None and Path(f"/proc/{pid}").exists():
                os.killpg(os.getpgid(pid), signal.SIGKILL)
                killed.append(time.monotonic())
        wait_for(lambda: answers(stack.url), "the web server")
        time.sleep(WORKS_S)
    finally:
        over.set()


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz", timeout=2.0, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def test_no_decision_is_lost_when_the_server_dies(tmp_path: Path) -> None:
    began = time.monotonic()
    with postgres() as database, running(tmp_path / "stack", DATABASE_URL=database) as stack:
        tokens = told(["seed", "--tickets", "10000", "--people", "20"], stack, database)
        killed: list[float] = []
        over = threading.Event()
        killer = threading.Thread(target=kill_web, args=(stack, killed, over))
        killer.start()
        assert isinstance(tokens, list)
        tabs = review_while(stack.url, tokens, lambda: not over.is_set(), pause_s=1.0)
        killer.join()
        seconds = time.monotonic() - began
        found = told(["audit", "--reviews"], stack, database)
    assert isinstance(found, dict)
    stored = {(item, name, decision) for item, name, decision in found["decisions"]}
    sent = {
        (item, f"reviewer-{tab.number}", decision)
        for tab in tabs for item, decision in tab.sent.values()
    }  # fmt: skip
    line = (
        f"{datetime.now(UTC):%Y-%m-%d} web server killed {len(killed)} times in {seconds:.0f} s, "
        f"20 reviewers, {usable_cores()} cores: {len(sent)} decisions acknowledged, "
        f"{len(sent - stored)} lost, {found['twice']} doubled, {found['double']} double leases, "
        f"{sum(tab.again for tab in tabs)} requests sent again"
    )
    print(f"\n{line}")
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    assert len(killed) == KILLS and sum(tab.again for tab in tabs) > 0
    assert sent == stored
    assert (found["double"], found["twice"], found["broken"]) == (0, 0, 0)
