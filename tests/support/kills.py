"""Random kills over a chain of short trainings, and what must hold afterwards."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlcore.run.events import read_events
from tests.support import stack_configs as configs
from tests.support.stack import LIVE, Client, Stack, wait_for

VICTIMS = ("worker", "child", "web", "broker", "control")
STEPS = 40
PATIENCE_S = 300.0
"""how long a run may need to settle after its last kill before the test is called broken"""


@dataclass
class Kill:
    """One disturbance: whom, and how many training steps the current attempt had told before."""

    victim: str
    after_steps: int
    uid: str = ""


@dataclass
class Campaign:
    """Kills by a seed. Every run is resumed when it has used up its attempts, as a person would."""

    stack: Stack
    client: Client
    seed: int
    dataset: str
    kills: list[Kill] = field(default_factory=list)
    uids: list[str] = field(default_factory=list)
    settled_s: list[float] = field(default_factory=list)
    """seconds from the last kill until the last run had ended, one per `settle`"""

    def disturb(self, count: int) -> None:
        """Do `count` kills in random order, each at a random point of a live run."""
        chance = random.Random(self.seed)
        victims = [VICTIMS[number % len(VICTIMS)] for number in range(count)]
        chance.shuffle(victims)
        for victim in victims:
            kill = Kill(victim, chance.randrange(0, STEPS))
            while not self._strike(kill):
                self.launch()
            self.kills.append(kill)

    def settle(self) -> None:
        """Wait until every run has succeeded."""
        began = time.monotonic()
        for uid in self.uids:
            wait_for(lambda uid=uid: self._has_succeeded(uid), f"the success of {uid}", PATIENCE_S)
        self.settled_s.append(time.monotonic() - began)

    def launch(self) -> str:
        """Launch the next run of the chain; returns its uid."""
        text = configs.sft(self.dataset, steps=STEPS, every=5, evaluation=False)
        self.uids.append(self.client.launch(text))
        return self.uids[-1]

    def _strike(self, kill: Kill) -> bool:
        """Kill when the newest run is far enough; False when there is no live run any more."""
        if not self.uids:
            return False
        uid = kill.uid = self.uids[-1]
        while True:
            run = self.client.run(uid)
            if run["state"] not in LIVE:
                if run["state"] != "failed":
                    return False
                self._has_succeeded(uid)
            elif self.told(uid, run["attempt_number"]) >= kill.after_steps:
                victim = self._pid(kill.victim, uid)
                if victim is not None:
                    os.kill(victim, signal.SIGKILL)
                    return True
            time.sleep(0.05)

    def _pid(self, victim: str, uid: str) -> int | None:
        pid = self.stack.child(uid) if victim == "child" else self.stack.services().get(victim)
        return pid if pid is not None and Path(f"/proc/{pid}").exists() else None

    def told(self, uid: str, attempt: int) -> int:
        """The training step that the newest attempt has written to its event file."""
        path = self.stack.state.host / "runs" / uid / "events" / f"attempt-{attempt}.jsonl"
        steps = [e["step"] for e in read_events(path) if e["type"] == "metric"]
        return max(steps, default=0)

    def _has_succeeded(self, uid: str) -> bool:
        """True once it has; a run that failed for its host's deaths alone is resumed."""
        run = self.client.run(uid)
        if run["state"] in ("failed", "interrupted"):
            reasons = {attempt["reason"] for attempt in run["attempts"]}
            assert reasons <= {"infra", "lost", "interrupted"}, run["attempts"]
            assert len(run["attempts"]) % 3 == 0, "given up before its third attempt"
            self.client.act(uid, "resume")
        assert run["state"] != "cancelled"
        return bool(run["state"] == "succeeded")


def check_run(stack: Stack, client: Client, uid: str) -> None:
    """Nothing of the run is lost or doubled: metrics, events and log of every attempt."""
    run = client.run(uid)
    assert run["state"] == "succeeded"
    assert client.points(uid, "train/loss")[0] == list(range(1, STEPS + 1)), uid
    folder = stack.state.host / "runs" / uid
    rows = client.items(f"runs/{uid}/events/")
    assert len({(row["attempt"], row["seq"]) for row in rows}) == len(rows)
    for attempt in run["attempts"]:
        number = attempt["number"]
        written = list(read_events(folder / "events" / f"attempt-{number}.jsonl"))
        assert [event["seq"] for event in written] == list(range(1, len(written) + 1))
        assert attempt["last_seq"] == len(written), (uid, number)
        stored = [row for row in rows if row["attempt"] == number]
        told = [e for e in written if e["type"] not in ("metric", "progress", "sample")]
        assert [(row["seq"], row["type"]) for row in stored] == [
            (event["seq"], event["type"]) for event in told
        ]
        check_log(client, uid, number, folder / "log" / f"attempt-{number}.txt")


def check_log(client: Client, uid: str, number: int, path: Path) -> None:
    """The stored log is the file."""
    data = path.read_bytes() if path.exists() else b""
    log = client.get(f"runs/{uid}/log/", attempt=number, offset=0, limit=1 << 20)
    assert log["size"] == len(data), (uid, number)
    assert log["text"] == data.decode("utf-8", "replace"), (uid, number)


def summary(campaign: Campaign) -> dict[str, Any]:
    """What was done, for a result line."""
    victims = [kill.victim for kill in campaign.kills]
    return {
        "kills": {name: victims.count(name) for name in VICTIMS},
        "runs": len(campaign.uids),
        "attempts": sum(len(campaign.client.run(u)["attempts"]) for u in campaign.uids),
        "settled_s": [round(seconds, 1) for seconds in campaign.settled_s],
    }


def result_line(values: dict[str, Any]) -> str:
    return f"{time.strftime('%Y-%m-%d')} {json.dumps(values)}"
