"""What a run keeps from a reviewer who may have to judge one of its tickets blind."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from console.reviews.blindness import refuse_dataset_file, without_labels
from console.reviews.models import GoldItem, ReviewItem
from console.reviews.policy import policy_of
from console.runs.models import Attempt, Run, RunEvent, Sample
from console.verdicts import queries
from tests.support import people
from tests.support.tickets import MISSION
from tests.support.verdict_runs import finished_run
from tests.unit.console.reviews.conftest import claim
from tests.unit.console.verdicts.test_pages import FLIPS, html_of

pytestmark = pytest.mark.django_db
KEY = "bare00::fail"


@pytest.fixture
def waiting(project: Any) -> ReviewItem:
    """A ticket of the run that waits for a first, blind review."""
    return ReviewItem.objects.create(
        project=project, kind="drift", mission=MISSION, ticket_key=KEY, group_id="bare00",
        model_verdict="pass", label="fail", blind=True, due=timezone.now(), fingerprint="f",
    )  # fmt: skip


def tab(run: Run, query: str = "") -> str:
    return f"/p/alpha/runs/{run.uid}/?tab=tickets{query}"


def test_the_tab_tells_a_reviewer_neither_verdict_nor_label_of_a_blind_ticket(
    reviewer: Any, lead: Any, viewer: Any, run: Run, waiting: ReviewItem
) -> None:
    client = people.browser(reviewer)
    pk = queries.set_of_run(run).rows.get(group_id="bare00").pk  # type: ignore[union-attr]
    opened = html_of(client, tab(run, f"&ticket={pk}&q=bare00"))
    assert "hidden: it waits for a blind review" in opened
    assert "Hidden until it is decided" in opened and "/1/image" in opened
    assert KEY not in opened and "Verdict: " not in opened
    for told in (lead, viewer):
        assert KEY in html_of(people.browser(told), tab(run, f"&ticket={pk}"))


@pytest.mark.parametrize("query", ["verdict=pass", "label=fail", "match=no", "q=bare00::f"])
def test_no_filter_of_the_tab_finds_a_blind_ticket_by_what_it_hides(
    query: str, reviewer: Any, lead: Any, run: Run, waiting: ReviewItem
) -> None:
    def found(user: Any) -> bool:
        return ">bare00</a>" in html_of(people.browser(user), tab(run, f"&{query}"))

    assert not found(reviewer)
    assert found(lead)


def test_a_ticket_that_is_decided_is_shown_again(
    project: Any, reviewer: Any, run: Run, waiting: ReviewItem
) -> None:
    ReviewItem.objects.update(state="decided", outcome="fail", claimable=False)
    assert "waits for a blind review" not in html_of(people.browser(reviewer), tab(run))


def test_a_check_on_the_screen_hides_the_ticket_that_it_repeats(
    project: Any, reviewer: Any, run: Run, waiting: ReviewItem
) -> None:
    ReviewItem.objects.update(state="agreed", outcome="fail", claimable=False)
    GoldItem.objects.create(project=project, item=waiting, outcome="fail")
    client = people.browser(reviewer)
    assert "waits for a blind review" not in html_of(client, tab(run, "&q=bare00"))
    policy = policy_of(project)
    policy.gold_percent = 100.0
    policy.save()
    assert claim(reviewer, project)
    assert "waits for a blind review" in html_of(client, tab(run, "&q=bare00"))


def test_flips_leave_blind_tickets_out_and_say_so(
    project: Any, reviewer: Any, lead: Any, run: Run, waiting: ReviewItem
) -> None:
    flipped = finished_run(project, "candidate", flipped=("bare00", "bare01", "good40"))
    queries.set_of_run(flipped)
    kept = html_of(people.browser(reviewer), FLIPS)
    assert KEY not in kept and "bare01::fail" in kept
    assert "1 ticket is left out" in kept
    assert KEY in html_of(people.browser(lead), FLIPS)


def test_files_that_tell_of_every_ticket_are_for_those_who_judge_none_blind(
    project: Any, reviewer: Any, lead: Any, run: Run
) -> None:
    files = (("verdicts", "selections.jsonl"), ("guidance", "guidance.json"))
    codes = {
        (name, role): people.browser(one)
        .get(f"/p/alpha/runs/{run.uid}/outputs/{name}/{path}")
        .status_code
        for name, path in files
        for role, one in (("reviewer", reviewer), ("lead", lead))
    }
    assert codes[("verdicts", "reviewer")] == 403
    assert codes[("verdicts", "lead")] == codes[("guidance", "reviewer")] == 200
    page = html_of(people.browser(reviewer), f"/p/alpha/runs/{run.uid}/?tab=artifacts")
    assert "selections.jsonl" not in page and "These files tell verdicts" in page


def test_events_samples_and_evidence_come_without_verdict_and_label(
    project: Any, reviewer: Any, lead: Any, run: Run, api: Any
) -> None:
    now = timezone.now()
    attempt = Attempt.objects.create(run=run, number=1, lease=uuid.uuid4(), lease_expires=now)
    body = {"ticket_key": KEY, "pred_verdict": "pass"}
    values = {"run": run, "attempt": attempt}
    RunEvent.objects.create(**values, seq=1, time=now, type="review_item", body=body)
    RunEvent.objects.create(**values, seq=2, time=now, type="status", body={"phase": "running"})
    Sample.objects.create(
        **values, seq=3, step=0, name=f"{KEY}/1.jpg", image_sha="0" * 64, width=1, height=1
    )
    base = f"/api/v1/projects/alpha/runs/{run.uid}/"

    def told(user: Any, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = api(user).get(base + path).json()["items"]
        return found

    assert [e["type"] for e in told(reviewer, "events/")] == ["status"]
    assert len(told(lead, "events/")) == 2
    assert told(reviewer, "samples/")[0]["name"] == "bare00/1.jpg"
    assert told(reviewer, f"samples/?name={KEY}/1.jpg") == []
    assert told(lead, f"samples/?name={KEY}/1.jpg")[0]["name"] == f"{KEY}/1.jpg"
    for page in ("samples", "events"):
        html = html_of(people.browser(reviewer), f"/p/alpha/runs/{run.uid}/?tab={page}")
        assert KEY not in html
    reviewing, leading = {"reviews.decide"}, {"reviews.decide", "reviews.audit"}
    assert without_labels(reviewing, {"evidence": [KEY]}) == {"evidence": ["bare00"]}
    assert without_labels(leading, {"evidence": [KEY]}) == {"evidence": [KEY]}
    with pytest.raises(Exception, match="may come to you blind"):
        refuse_dataset_file(reviewing, "a/tickets.jsonl")
