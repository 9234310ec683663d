"""Pages of review: the desk, the queue, quality, one ticket; what each person may see of them."""
from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import override_settings

from console.accounts.audit import Actor
from console.catalog.blobs import put_bytes
from console.catalog.models import Output
from console.reviews import services
from console.reviews.models import ReviewItem
from tests.support import people
from tests.unit.console.reviews.conftest import Open, claim, no_gold, review

pytestmark = pytest.mark.django_db
HOME = "/p/alpha/review/"


@pytest.fixture
def lead(project: Any) -> Any:
    return people.make_member(project, "lead", "lena")


def page(user: Any, path: str = "", status: int = 200, **query: str) -> str:
    answer = people.browser(user).get(HOME + path, query)
    assert answer.status_code == status, answer.content[:400]
    return answer.content.decode()


def block(html: str, name: str) -> Any:
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', html, re.S)
    assert found
    return json.loads(found.group(1))


def rows(html: str) -> list[str]:
    return re.findall(r'<a class="name nowrap" href="[^"]*/tickets/\d+/">([^<]*)</a>', html)


def test_reviewers_come_to_the_desk_and_leads_to_the_queue(
    ann: Any, lead: Any, viewer: Any
) -> None:
    for person, place in ((ann, "desk/"), (lead, "queue/"), (viewer, "queue/")):
        answer = people.browser(person).get(HOME)
        assert answer.headers["Location"] == HOME + place


def test_the_desk_brings_its_keys_reasons_and_words(ann: Any) -> None:
    data = block(page(ann, "desk/"), "desk-data")
    assert {key["act"] for key in data["keys"]} >= {"pass", "fail", "unsure", "broken", "undo"}
    assert {reason["code"] for reason in data["reasons"]} >= {"missing", "other"}
    assert data["api"] == "/api/v1/projects/alpha/review/"
    assert data["words"]["decision_fail"] == "FAIL"


@override_settings(LANGUAGE_CODE="zh-hans")
def test_reasons_are_in_the_readers_language(ann: Any) -> None:
    client = people.browser(ann)
    html = client.get(HOME + "desk/", headers={"accept-language": "zh-hans"}).content.decode()
    assert block(html, "desk-data")["reasons"][0]["label"] == "缺少必需部件"


def test_only_leads_adjudicate_and_only_auditors_see_quality(ann: Any, lead: Any) -> None:
    for place in ("adjudicate/", "quality/"):
        page(ann, place, 403)
        page(lead, place)


def test_a_filter_of_the_address_narrows_the_desk(ann: Any) -> None:
    data = block(page(ann, "desk/", mission="cabinet", kind="drift"), "desk-data")
    assert data["filter"] == {"mission": ["cabinet"], "kind": ["drift"]}
    page(ann, "desk/", 400, kind="nothing")


def test_the_queue_shows_open_tickets_in_its_order(
    project: Any, ann: Any, lead: Any, open_ticket: Open
) -> None:
    no_gold(project)
    open_ticket("A-1::pass")
    open_ticket("B-1::pass", margin=0.85)
    review(ann, project, "fail")
    html = page(lead, "queue/")
    assert rows(html) == ["A-1::pass"]
    assert "1 ticket is open" in html
    assert rows(page(lead, "queue/", view="settled")) == ["B-1::pass"]
    assert rows(page(lead, "queue/", view="all", q="B")) == ["B-1::pass"]
    assert block(html, "queue-data")["filter"]["state"] == [
        "pending", "leased", "second", "conflict"
    ]
    assert "Act on 1 ticket" in html


def test_a_reviewer_sees_the_queue_without_acts_and_a_blind_ticket_without_its_label(
    ann: Any, open_ticket: Open
) -> None:
    open_ticket("D-1::pass", kind="drift", margin=1.0)
    html = page(ann, "queue/")
    assert rows(html) == ["D-1"]
    assert "data-bulk" not in html
    assert "D-1::pass" not in html


def test_a_ticket_tells_a_lead_its_whole_history(
    project: Any, ann: Any, lead: Any, open_ticket: Open
) -> None:
    no_gold(project)
    item = open_ticket("A-1::pass")
    review(ann, project, "fail", comment="the lower screw")
    html = page(lead, f"tickets/{item.pk}/")
    for text in ("the lower screw", "Required part is missing", "came into the queue", "decided"):
        assert text in html
    assert "Image1: screw missing" in html


def test_a_ticket_on_the_desk_hides_the_models_word_while_it_is_blind(
    ann: Any, open_ticket: Open
) -> None:
    item = open_ticket("D-1::pass", kind="drift")
    html = page(ann, f"tickets/{item.pk}/")
    assert "Hidden while a blind review is awaited" in html
    assert "Image1: screw missing" not in html.replace("screw missing×1", "")
    assert "came into the queue" not in html


def test_a_ticket_of_another_project_does_not_exist(
    ann: Any, foreign_project: Any, open_ticket: Open
) -> None:
    item = open_ticket("X-1::pass", into=foreign_project)
    page(ann, f"tickets/{item.pk}/", 404)
    page(ann, f"tickets/{item.pk}/checklist/", 404)


def test_the_checklist_is_the_one_that_the_verdict_was_made_with(
    project: Any, ann: Any, open_ticket: Open
) -> None:
    no_gold(project)
    open_ticket("B-1::pass")
    texts = {"G0": "screws are tight；labels are there", "G1": "dust"}
    review(ann, project, "fail")
    metadata = {"G1": {"sources": ["B-1::pass", "B-2::pass"]}}
    guidance = {"step": 3, "experiences": texts, "metadata": metadata}
    data = json.dumps({"guidance_after": guidance}).encode()
    files = [{"path": "meta.json", "sha256": put_bytes(data).sha256, "size": len(data)}]
    Output.objects.create(
        project=project, name="verdicts", type="verdicts", digest="d" * 64, files=files
    )
    item = open_ticket("A-1::pass", source="d" * 64)
    found = json.loads(page(ann, f"tickets/{item.pk}/checklist/"))
    assert found == {
        "step": 3, "checklist": ["screws are tight", "labels are there"],
        "rules": [{"key": "G1", "text": "dust"}], "yours": 1,
    }
    other = open_ticket("A-2::pass")
    assert json.loads(page(ann, f"tickets/{other.pk}/checklist/"))["checklist"] == []


def test_quality_says_nothing_of_too_few_and_shows_who_was_below_the_floor(
    project: Any, ann: Any, lead: Any, open_ticket: Open
) -> None:
    no_gold(project)
    open_ticket("A-1::pass")
    review(ann, project, "fail")
    html = page(lead, "quality/")
    assert html.count("too few") >= 3
    assert "Decisions of seven days" in html
    for by in ("kind", "verdict", "week"):
        page(lead, "quality/", by=by)


def test_home_tells_the_depth_and_the_age_of_the_queue(
    project: Any, ann: Any, open_ticket: Open
) -> None:
    client = people.browser(ann)
    assert "No ticket waits for a person" in client.get("/p/alpha/").content.decode()
    item = open_ticket("A-1::pass")
    ReviewItem.objects.filter(pk=item.pk).update(due=item.created)
    html = client.get("/p/alpha/").content.decode()
    assert "the oldest came" in html
    assert "1 late" in html
    assert f"{HOME}desk/" in html


def test_the_palette_finds_tickets_and_the_places_of_review(
    ann: Any, lead: Any, open_ticket: Open
) -> None:
    item = open_ticket("CAB-7::pass")

    def found(person: Any, text: str) -> str:
        return people.browser(person).get("/p/alpha/search", {"q": text}).content.decode()

    assert f"{HOME}tickets/{item.pk}/" in found(ann, "CAB-7")
    assert f"{HOME}desk/" in found(ann, "review")
    assert f"{HOME}adjudicate/" not in found(ann, "review")
    assert f"{HOME}adjudicate/" in found(lead, "adjudicate")


def test_counts_of_pages_do_not_hold_leases(project: Any, ann: Any, open_ticket: Open) -> None:
    item = open_ticket("A-1::pass")
    page(ann, "desk/")
    item.refresh_from_db()
    assert item.state == "pending"
    assert claim(ann, project)
    assert services.release_all(Actor.of_user(ann), project) == 1
