"""The same figures, flips and operating points over REST."""

from __future__ import annotations

from typing import Any

import pytest

from console.runs.models import Run
from console.verdicts import queries
from console.verdicts.models import OperatingPoint
from tests.support.tickets import MISSION
from tests.support.verdict_runs import finished_run

pytestmark = pytest.mark.django_db
API = "/api/v1/projects/alpha/verdicts/"


@pytest.fixture
def runs(project: Any) -> list[Run]:
    made = [
        finished_run(project, "released", pinned=True, days_ago=2),
        finished_run(project, "candidate", flipped=("bare00", "bare01", "good40")),
    ]
    for run in made:
        queries.set_of_run(run)
    return made


def test_figures_are_listed_newest_first_and_each_run_has_its_curve(
    viewer: Any, api: Any, runs: list[Run]
) -> None:
    client = api(viewer)
    page = client.send("get", f"{API}?mission={MISSION}&limit=1").json()
    assert [row["name"] for row in page["items"]] == ["candidate"]
    rest = client.send("get", f"{API}?limit=1&cursor={page['next_cursor']}").json()
    (row,) = rest["items"]
    assert (row["name"], row["pinned"], row["tickets"]) == ("released", True, 96)
    assert row["figures"]["all"]["false_release"]["n"] == 85
    assert rest["next_cursor"] is None
    assert client.send("get", f"{API}?mission=other").json()["items"] == []
    assert client.send("get", f"{API}?misson=x").status_code == 400
    one = client.send("get", f"{API}runs/{runs[0].uid}/").json()
    assert one == row
    found = client.send("get", f"{API}runs/{runs[0].uid}/curve/").json()
    assert [point["review"] for point in found["points"]] == [2, 9, 96]
    assert (found["seconds_per_decision"], found["seconds_n"]) == (None, 0)


def test_flips_come_with_the_paired_figures(viewer: Any, api: Any, runs: list[Run]) -> None:
    client = api(viewer)
    path = f"{API}flips/?released={runs[0].uid}&candidate={runs[1].uid}"
    found = client.send("get", path).json()
    assert (found["n"], found["flips"]["to_label"], found["flips"]["from_label"]) == (96, 2, 1)
    assert found["p"]["two_sided"] == {"value": 1.0, "n": 96}
    assert found["before"]["false_release"]["value"] == 37 / 85
    change = found["change"]["false_release"]
    assert change["value"] == pytest.approx(35 / 82 - 37 / 85)
    assert change["interval"][0] < change["value"] < change["interval"][1]
    assert found["worsened"]["false_release"]["n"] == 82
    away = client.send("get", f"{path}&which=away").json()["items"]
    assert [row["ticket_key"] for row in away] == ["good40::pass"]
    page = client.send("get", f"{path}&limit=2").json()
    assert len(page["items"]) == 2
    rest = client.send("get", f"{path}&limit=2&cursor={page['next_cursor']}").json()
    assert len(rest["items"]) == 1
    a, b = (run.uid for run in runs)
    for query, status in (
        ("", 400),
        (f"released={a}", 400),
        (f"released={a}&candidate={a}", 422),
        (f"released={a}&candidate=nobody", 404),
        (f"released={a}&candidate={b}&which=up", 400),
    ):
        assert client.send("get", f"{API}flips/?{query}").status_code == status, query


def test_a_lead_saves_an_operating_point_that_is_then_in_force(
    lead: Any, operator: Any, api: Any, runs: list[Run]
) -> None:
    body = {"run": runs[1].uid, "threshold": 1.0, "seconds": 36.0, "message": "safer"}
    assert api(operator).send("post", f"{API}points/", body).status_code == 403
    client = api(lead)
    made = client.send("post", f"{API}points/", body, Idempotency_Key="k")
    assert made.status_code == 201, made.content
    assert made.json()["figures"]["review"] == 9
    assert client.send("post", f"{API}points/", body, Idempotency_Key="k").json() == made.json()
    assert OperatingPoint.objects.count() == 1
    unmeasured = client.send("post", f"{API}points/", {**body, "seconds": None})
    assert unmeasured.status_code == 422
    assert client.send("post", f"{API}points/", {**body, "threshold": 7}).status_code == 422
    listed = client.send("get", f"{API}points/?mission={MISSION}").json()["items"]
    assert [(p["number"], p["author"]) for p in listed] == [(1, lead.username)]
    assert client.send("get", f"{API}points/").status_code == 400


def test_another_projects_verdicts_are_not_there(
    lead: Any, api: Any, runs: list[Run], foreign_project: Any
) -> None:
    client = api(lead)
    for path in ("", "flips/", "points/", f"runs/{runs[0].uid}/"):
        assert client.send("get", API.replace("alpha", "beta") + path).status_code == 404
    theirs = finished_run(foreign_project)
    assert client.send("get", f"{API}runs/{theirs.uid}/").status_code == 404
    mixed = f"{API}flips/?released={runs[0].uid}&candidate={theirs.uid}"
    assert client.send("get", mixed).status_code == 404
