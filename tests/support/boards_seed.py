"""A project in full swing for the bench of its dashboards: tickets in the queue, a share of them
decided, some twice, and several runs of verdicts over the same tickets.

    python -m tests.support.boards_seed 10000
"""

from __future__ import annotations

import json
import random
import sys
from datetime import timedelta
from typing import Any

RUNS = 8
MISSION = "mission 0"
DECIDED, TWICE = 0.3, 0.1
"""shares of the tickets that one person has decided, and that a second one has as well"""


def main(tickets: int) -> int:
    """Seed the database of the environment; prints the session of somebody who sees everything."""
    import django

    django.setup()
    from django.test import Client

    from console.accounts.models import Project, User
    from tests.support.reviewing import PROJECT, seed

    admin = User.objects.filter(is_superuser=True).first()
    assert admin is not None
    seed(tickets, 20)
    project = Project.objects.get(slug=PROJECT)
    chance = random.Random(11)
    _decide(project, tickets, chance)
    uids = [_run(project, number, tickets, chance) for number in range(RUNS)]
    User.objects.update(must_change_password=False)
    client = Client()
    client.force_login(admin)
    body = {"session": client.cookies["gatehouse_session"].value, "runs": uids}
    sys.stdout.write(json.dumps(body) + "\n")
    return 0


def _decide(project: Any, tickets: int, chance: random.Random) -> None:
    from django.utils import timezone

    from console.accounts.models import User
    from console.reviews.models import Review, ReviewItem

    people = list(User.objects.filter(username__startswith="reviewer-"))
    rows = ReviewItem.objects.filter(project=project).order_by("id")
    items = list(rows[: int(DECIDED * tickets)])
    reviews, now = [], timezone.now()
    for n, item in enumerate(items):
        twice = n < TWICE * tickets
        when = now - timedelta(minutes=n)
        said = "fail" if chance.random() < 0.7 else "pass"
        item.state, item.claimable, item.outcome = "agreed" if twice else "decided", False, said
        item.settled = when
        for role in ("first", "second") if twice else ("first",):
            word = said if chance.random() < 0.9 else "fail"
            reviews.append(Review(
                item=item, reviewer=people[(n + len(role)) % len(people)], role=role, decision=word,
                reasons=["missing"], reasons_n=1, ticket_version=1, duration_ms=9000, created=when,
            ))  # fmt: skip
    fields = ["state", "claimable", "outcome", "settled"]
    ReviewItem.objects.bulk_update(items, fields, batch_size=500)
    Review.objects.bulk_create(reviews, batch_size=1000)


def _run(project: Any, number: int, tickets: int, chance: random.Random) -> str:
    """A finished run with its verdicts as the console keeps them."""
    from django.db import transaction
    from django.utils import timezone

    from console.catalog.models import Output
    from console.runs.models import Run
    from console.verdicts.indexing import cells, counts
    from console.verdicts.models import VerdictSet, VerdictTicket

    ended = timezone.now() - timedelta(days=RUNS - number)
    rows = []
    for n in range(tickets):
        strength = chance.choice((0.6, 0.7, 0.8, 0.9, 1.0))
        verdict = "fail" if chance.random() < 0.8 else "pass"
        rows.append(VerdictTicket(
            place=n, ticket_key=f"QC-{n:06d}::pass", group_id=f"QC-{n:06d}", label="pass",
            verdict=verdict, reason="screw missing", strength=strength,
            review_reason="budget_exhausted" if verdict == "fail" else "",
            needs_person=verdict == "fail",
            detail={"candidates": [], "images": [], "summaries": []},
        ))  # fmt: skip
    kept = [row for row in rows if not row.review_reason]
    # At once, or the console would read the files of the output, which it does not have.
    with transaction.atomic():
        run = Run.objects.create(
            uid=f"boards{number:06d}", project=project, kind="stage_b", name=f"verdicts {number}",
            state="succeeded", reason="ok", config_text="kind: stage_b\n", config_sha256="0" * 64,
            created=ended, queued_at=ended, started=ended, ended=ended, updated=ended,
            pinned=number == 0, attempt_number=1, tries=1,
        )  # fmt: skip
        output = Output.objects.create(
            project=project, run_uid=run.uid, name="verdicts", type="verdicts",
            digest=f"{number:064d}", files=[],
        )  # fmt: skip
        made = VerdictSet.objects.create(
            project=project, run=run, output=output, mission=MISSION, tickets=tickets, malformed=0,
            doubted=tickets - len(kept), candidates=tickets, well_formed=tickets,
            figures={"all": cells(counts(rows)), "kept": cells(counts(kept))},
        )  # fmt: skip
        for row in rows:
            row.verdicts = made
        VerdictTicket.objects.bulk_create(rows, 1000)
    return str(run.uid)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
