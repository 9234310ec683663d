"""Pages of verdicts on runs of the real job."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from console.accounts.models import AuditEntry
from console.reviews.models import Review, ReviewItem
from console.runs.models import Run
from console.verdicts import people as people_counts
from console.verdicts import queries
from console.verdicts.models import OperatingPoint, VerdictSet
from tests.support import people
from tests.support.tickets import MISSION
from tests.support.verdict_runs import finished_run

pytestmark = pytest.mark.django_db
BOARD = f"/p/alpha/verdicts/?mission={MISSION}"
FLIPS = "/p/alpha/verdicts/flips/"


@pytest.fixture
def candidate(project: Any, run: Run) -> Run:
    made = finished_run(project, "candidate", flipped=("bare00", "bare01", "good40"))
    queries.set_of_run(made)
    return made


def html_of(client: Any, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status, response.content[:400]
    return str(response.content.decode())


def decided(project: Any, person: Any, n: int, ms: int = 12_000, **values: Any) -> None:
    """That many tickets, decided by the person in `ms` milliseconds each."""
    for i in range(n):
        row = {"ticket_key": f"t{i}::pass", "group_id": f"t{i}", "outcome": "fail", **values}
        item = ReviewItem.objects.create(
            project=project,
            kind="model_error",
            mission=MISSION,
            state="agreed",
            claimable=False,
            due=timezone.now(),
            settled=timezone.now(),
            fingerprint=str(i),
            **row,
        )
        Review.objects.create(
            item=item,
            reviewer=person,
            role="first",
            decision=row["outcome"],
            duration_ms=ms,
            reasons=["missing"],
            reasons_n=1,
            ticket_version=1,
        )


def test_a_project_without_verdicts_says_where_they_come_from(viewer: Any) -> None:
    assert "No verdicts yet" in html_of(people.browser(viewer), "/p/alpha/verdicts/")
    assert "Two runs are needed" in html_of(people.browser(viewer), FLIPS)


def test_the_board_shows_every_rate_with_n_and_interval(viewer: Any, run: Run) -> None:
    html = html_of(people.browser(viewer), BOARD)
    assert "43.5 % <small>n=85</small>" in html
    assert "33.5 % – 54.1 %" in html
    assert "with people&#x27;s decisions" in html and "without reviewed tickets" in html
    assert "Save as policy" not in html, "a viewer decides nothing"
    assert "An assumption of yours: only 0 decisions were timed" in html
    assert "The alarm stands" not in html


def test_the_alarm_stands_when_most_tickets_need_a_person(viewer: Any, run: Run) -> None:
    VerdictSet.objects.update(doubted=60)
    html = html_of(people.browser(viewer), BOARD)
    assert "62 % of n=96 tickets of released need a person." in html
    assert "Most tickets of the newest run need a person." in html_of(
        people.browser(viewer), "/p/alpha/"
    )


def test_an_alarm_stands_wherever_the_run_is_looked_after_and_says_what_to_do(
    project: Any, lead: Any, run: Run
) -> None:
    VerdictSet.objects.update(malformed=6)
    client = people.browser(lead)
    review = "/p/alpha/review/"
    pages = (BOARD, f"{review}queue/", f"{review}quality/", f"/p/alpha/runs/{run.uid}/")
    for page in pages:
        html = html_of(client, page)
        assert "6 % of n=96 tickets of released got no verdict." in html, page
        assert "What to do" in html and "verdict=none" in html
    VerdictSet.objects.update(malformed=4)
    assert "What to do" not in html_of(client, pages[1])


def test_rates_with_peoples_decisions_move_with_every_decision(
    project: Any, viewer: Any, reviewer: Any, run: Run
) -> None:
    verdicts = queries.set_of_run(run)
    assert verdicts is not None
    assert people_counts.refresh(project, [verdicts]) == 0
    assert verdicts.people["truth"] == verdicts.people["unreviewed"] == verdicts.figures["all"]
    decided(project, reviewer, 1, ticket_key="bare00::fail", outcome="pass")
    decided(project, reviewer, 1, ticket_key="good40::pass", outcome="broken")
    people_counts.refresh(project, [verdicts])
    before, told = verdicts.figures["all"], verdicts.people
    # A wrong release turns out right; a broken ticket has no right verdict.
    assert told["truth"] == {**before, "tp": before["tp"], "fp": before["fp"] - 1}
    assert told["unreviewed"] == {**before, "tp": before["tp"] - 1, "fp": before["fp"] - 1}
    assert told["reviewed"] == 2
    html = html_of(people.browser(viewer), BOARD)
    assert '58.9 %</span> <span class="small faint">n=95' in html, "56 of 95 with people's word"
    VerdictSet.objects.update(people_mark=0, people={})
    assert people_counts.refresh_pending() == run.uid
    assert people_counts.refresh_pending() == ""


def test_an_operating_point_is_saved_with_what_it_gives(lead: Any, run: Run) -> None:
    client = people.browser(lead)
    body = {"run": run.uid, "threshold": "1.0", "seconds": "36", "message": "safer"}
    assert client.post(BOARD, body).status_code == 302
    point = OperatingPoint.objects.get()
    assert (point.number, point.threshold, point.seconds_n) == (1, 1.0, 0)
    assert point.figures["review"] == 9
    assert point.figures["hours"] == pytest.approx(9 * 36 / 3600)
    assert AuditEntry.objects.filter(action="operating_point.save").count() == 1
    html = html_of(client, BOARD)
    assert "in force" in html
    assert "assumed" in html
    client.post(BOARD, {**body, "threshold": "7"})
    assert OperatingPoint.objects.count() == 1


def test_seconds_are_called_measured_only_when_enough_decisions_were_timed(
    project: Any, lead: Any, reviewer: Any, run: Run
) -> None:
    decided(project, reviewer, 19)
    assert queries.seconds_per_decision(project, MISSION) == (None, 19)
    decided(project, reviewer, 1, ms=32_000)
    assert queries.seconds_per_decision(project, MISSION) == (13.0, 20)
    client = people.browser(lead)
    assert "as measured: 13.0 s, mean of n=20 decisions" in html_of(client, BOARD)
    client.post(BOARD, {"run": run.uid, "threshold": "1", "seconds_are": "measured"})
    assert OperatingPoint.objects.get().seconds_n == 20


def test_an_operator_may_not_save_a_point(operator: Any, run: Run) -> None:
    body = {"run": run.uid, "threshold": "1.0", "seconds": "36"}
    assert people.browser(operator).post(BOARD, body).status_code == 403


def test_flips_are_told_by_direction_and_lead_to_the_ticket(
    viewer: Any, run: Run, candidate: Run
) -> None:
    client = people.browser(viewer)
    html = html_of(client, FLIPS)
    assert html.count("data-href") == 3
    assert ">2</dd>" in html
    away = html_of(client, f"{FLIPS}?which=away")
    assert "good40::pass" in away
    assert "bare00::fail" not in away
    ticket = queries.set_of_run(candidate).rows.get(group_id="good40")  # type: ignore[union-attr]
    opened = html_of(client, f"/p/alpha/runs/{candidate.uid}/?tab=tickets&ticket={ticket.pk}")
    assert "螺丝不符合" in opened


def test_a_persons_word_is_the_truth_of_a_flip(
    project: Any, viewer: Any, reviewer: Any, run: Run, candidate: Run
) -> None:
    decided(project, reviewer, 1, ticket_key="good40::pass", outcome="fail")
    html = html_of(people.browser(viewer), f"{FLIPS}?decided=1")
    assert html.count("data-href") == 1
    assert "to the truth" in html
    assert "1 decided by people" in html


def test_the_tab_filters_in_the_url_and_pages_by_key(viewer: Any, run: Run) -> None:
    client = people.browser(viewer)
    tab = f"/p/alpha/runs/{run.uid}/?tab=tickets"
    first = html_of(client, tab)
    assert first.count("data-href") == 50
    assert "96 tickets" in first
    lost = html_of(client, f"{tab}&verdict=none")
    assert lost.count("data-href") == 2
    wrong = html_of(client, f"{tab}&match=no&verdict=fail")
    assert "blocked00" in wrong
    assert wrong.count("data-href") == 1
    assert html_of(client, f"{tab}&warning=low_agreement").count("data-href") == 7
    assert "bad_parameter" in html_of(client, f"{tab}&below=x", 400)


def test_an_opened_ticket_has_its_pictures(viewer: Any, run: Run) -> None:
    client = people.browser(viewer)
    row = VerdictSet.objects.get().rows.get(group_id="bare00")
    html = html_of(client, f"/p/alpha/runs/{run.uid}/?tab=tickets&ticket={row.pk}")
    path = f"/p/alpha/verdicts/{run.uid}/{row.pk}/1/image"
    assert path in html
    assert client.get(path).headers["Content-Type"] == "image/jpeg"
    assert client.get(f"/p/alpha/verdicts/{run.uid}/{row.pk}/9/image").status_code == 404


def test_a_run_of_another_kind_has_no_tickets(project: Any, viewer: Any, run: Run) -> None:
    Run.objects.update(kind="synth")
    assert people.browser(viewer).get(f"/p/alpha/runs/{run.uid}/?tab=tickets").status_code == 404
