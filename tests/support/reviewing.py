"""Scripted reviewers: against the services in processes, and over HTTP like a tab of the desk.

    python -m tests.support.reviewing seed --tickets 10000 --people 20
    python -m tests.support.reviewing claim --people 0-4 --claims 25000
    python -m tests.support.reviewing audit
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

PROJECT = "demo"
ENDINGS = frozenset({"released", "skipped", "expired", "decided"})


def main(arguments: list[str]) -> int:
    """One of the three commands of the docstring, on the database of the environment."""
    import django

    django.setup()
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["seed", "claim", "audit"])
    parser.add_argument("--tickets", type=int, default=10_000)
    parser.add_argument("--people", default="20")
    parser.add_argument("--claims", type=int, default=1000)
    parser.add_argument("--reviews", action="store_true", help="list every decision as well")
    options = parser.parse_args(arguments)
    if options.command == "seed":
        body: Any = seed(options.tickets, int(options.people))
    elif options.command == "claim":
        first, _dash, last = options.people.partition("-")
        body = claim_many(range(int(first), int(last) + 1), options.claims)
    else:
        body = audit()
        if options.reviews:
            body["decisions"] = decisions()
    sys.stdout.write(json.dumps(body) + "\n")
    return 0


def seed(tickets: int, people: int) -> list[str]:
    """A project with reviewers and tickets, a tenth of which need two reviews; the reviewers'
    tokens."""
    from console.accounts.audit import SYSTEM
    from console.accounts.models import Membership, Project, User
    from console.accounts.tokens import make_api_token
    from console.reviews.services import ItemRow, open_items

    project, _ = Project.objects.get_or_create(slug=PROJECT, defaults={"name": "Demo"})
    tokens = []
    for number in range(people):
        user = User.objects.create_user(f"reviewer-{number}")
        Membership.objects.create(project=project, user=user, role="reviewer")
        tokens.append(make_api_token(SYSTEM, user, "desk", "launch")[1])
    for start in range(0, tickets, 1000):
        rows = [
            ItemRow(
                f"QC-{n:06d}::pass", "label_suspect", mission=f"mission {n % 7}", label="pass",
                model_verdict="fail", margin=0.67 if n % 10 == 0 else 1.0,
                summaries=("screw missing×1", "cable tidy×2"), why_code="budget_exhausted",
                images=({"name": "a.jpg", "sha256": ""}, {"name": "b.jpg", "sha256": ""}),
            )
            for n in range(start, min(start + 1000, tickets))
        ]  # fmt: skip
        open_items(SYSTEM, project, rows, source="b" * 64)
    return tokens


def claim_many(people: range, claims: int, n: int = 10) -> dict[str, Any]:
    """Claim `n` tickets at a time and give them back, with as many threads as people, until that
    many tickets were claimed; a few are decided. Gives the times of the claims in milliseconds."""
    from django.db import connection

    from console.accounts.audit import Actor
    from console.accounts.models import Project, User
    from console.reviews.services import Answer, Wanted, claim, decide, release_all

    project = Project.objects.get(slug=PROJECT)
    left = [claims]
    lock = threading.Lock()
    took: list[float] = []
    failures: list[str] = []

    def work(number: int) -> None:
        actor = Actor.of_user(User.objects.get(username=f"reviewer-{number}"))
        chance = random.Random(number)
        try:
            while not failures:
                with lock:
                    if left[0] <= 0:
                        return
                    left[0] -= n
                began = time.perf_counter()
                held = claim(actor, project, Wanted(n))
                took.append(1000 * (time.perf_counter() - began))
                if held and chance.random() < 0.02:
                    answer = Answer("fail", held[0].item.version, ["missing"])
                    decide(actor, held[0].item_id, answer)
                release_all(actor, project)
        except Exception as error:
            failures.append(f"{type(error).__name__}: {error}")
            raise
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"took": took, "failures": failures}


def audit() -> dict[str, Any]:
    """What the log says of all leases: how many there were, how many began while another one of
    the same ticket had not ended, and reviews that count twice."""
    from django.db.models import Count

    from console.accounts.models import Project
    from console.reviews.chain import verify
    from console.reviews.models import Review, ReviewEvent

    leased = double = 0
    holder: dict[int, int] = {}
    rows = ReviewEvent.objects.order_by("item_id", "number")
    for item, action, user in rows.values_list("item_id", "action", "user_id").iterator(5000):
        if action == "leased":
            leased += 1
            double += item in holder
            holder[item] = user
        elif action in ENDINGS:
            holder.pop(item, None)
    counted = Review.objects.filter(active=True, role__in=["first", "second"])
    twice = counted.values("item", "reviewer").annotate(n=Count("id")).filter(n__gt=1).count()
    return {
        "leased": leased, "double": double, "twice": twice, "reviews": counted.count(),
        "broken": len(verify(Project.objects.get(slug=PROJECT))),
    }  # fmt: skip


def decisions() -> list[tuple[int, str, str]]:
    """Ticket, reviewer and decision of every review, those that came late included."""
    from console.reviews.models import Review

    rows = Review.objects.filter(active=True).order_by("id")
    return list(rows.values_list("item_id", "reviewer__username", "decision"))


@dataclass
class Tab:
    """One reviewer's tab: asks for three tickets, decides the first, sends what was not answered
    again with the same key."""

    url: str
    token: str
    number: int
    pause_s: float
    took: dict[str, list[float]] = field(default_factory=lambda: {"next": [], "decision": []})
    sent: dict[str, tuple[int, str]] = field(default_factory=dict)
    """ticket and decision by key, of every decision that the server has acknowledged"""
    codes: Counter[int] = field(default_factory=Counter)
    again: int = 0
    """requests that had to be sent again because no answer came"""

    def work(self, going: Callable[[], bool]) -> None:
        """Review as long as it says so."""
        chance = random.Random(self.number)
        headers = {"Authorization": f"Bearer {self.token}"}
        path = f"/api/v1/projects/{PROJECT}/review/"
        with httpx2.Client(
            base_url=self.url, headers=headers, timeout=10.0, trust_env=False
        ) as http:
            while going():
                asked = self._send(http, "next", "GET", f"{path}next/", params={"n": 3})
                tickets = asked.json()["tickets"]
                time.sleep(chance.uniform(0.5, 1.5) * self.pause_s)
                if tickets:
                    self._decide(http, path, tickets[0], chance)

    def _decide(
        self, http: httpx2.Client, path: str, ticket: dict[str, Any], chance: random.Random
    ) -> None:
        decision = chance.choice(["fail", "fail", "pass"])
        reasons = ["missing"] if decision == "fail" else ["model_misread"]
        key = str(uuid.uuid4())
        done = self._send(
            http, "decision", "POST", f"{path}{ticket['id']}/decision/",
            json={"decision": decision, "reasons": reasons, "client": f"tab-{self.number}"},
            headers={"Idempotency-Key": key, "If-Match": ticket["etag"]},
        )  # fmt: skip
        if done.status_code == 201 or done.status_code == 409:
            self.sent[key] = (ticket["id"], decision)

    def _send(self, http: httpx2.Client, name: str, method: str, url: str, **more: Any) -> Any:
        for _try in range(600):
            began = time.perf_counter()
            try:
                response = http.request(method, url, **more)
            except httpx2.TransportError:
                self.again += 1
                time.sleep(0.2)
                continue
            if response.status_code >= 500:
                self.again += 1
                time.sleep(0.2)
                continue
            self.took[name].append(1000 * (time.perf_counter() - began))
            self.codes[response.status_code] += 1
            return response
        raise AssertionError(f"{method} {url}: no answer in two minutes")


def review_for(url: str, tokens: list[str], seconds: float, pause_s: float) -> list[Tab]:
    """Let a reviewer per token work for a while, each in a thread."""
    until = time.monotonic() + seconds
    return review_while(url, tokens, lambda: time.monotonic() < until, pause_s)


def review_while(
    url: str, tokens: list[str], going: Callable[[], bool], pause_s: float
) -> list[Tab]:
    """The same as long as `going` says so."""
    tabs = [Tab(url, token, number, pause_s) for number, token in enumerate(tokens)]
    threads = [threading.Thread(target=tab.work, args=(going,)) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tabs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
