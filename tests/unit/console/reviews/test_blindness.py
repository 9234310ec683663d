"""Lists, searches and claims tell nobody what a blind ticket keeps back."""

from __future__ import annotations

from typing import Any

import pytest

from console.accounts.audit import Actor
from console.reviews import services
from console.reviews.filters import ItemFilter
from console.reviews.models import Review, ReviewItem
from console.reviews.policy import policy_of
from tests.support import people
from tests.unit.console.reviews.conftest import (
    URL,
    Open,
    adjudicate,
    claim,
    claimed,
    decide,
    no_gold,
    review,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_checks(project: Any) -> None:
    no_gold(project)


def found(client: Any, query: str) -> list[str]:
    return [item["group_id"] for item in client.get(f"{URL}items/?{query}").json()["items"]]


@pytest.mark.parametrize(
    "query",
    ["kind=drift", "verdict=fail", "why=drift_sample", "q=D-1::p", "kind=drift&verdict=pass"],
)
def test_no_filter_of_the_list_finds_a_blind_ticket_by_what_it_hides(
    query: str, open_ticket: Open, ann: Any, lead: Any, api: Any
) -> None:
    open_ticket("D-1::pass", kind="drift", why_code="drift_sample")
    assert found(api(ann), query) == []
    assert found(api(ann), "q=D-1") == ["D-1"]
    assert found(api(lead), query) == ([] if query.endswith("verdict=pass") else ["D-1"])


def test_a_list_does_not_tell_that_a_ticket_has_a_first_review(
    open_ticket: Open, project: Any, ann: Any, bo: Any, lead: Any, api: Any
) -> None:
    open_ticket("A-1::pass", margin=0.5)
    review(ann, project, "fail")
    assert found(api(bo), "state=second") == []
    assert found(api(bo), "state=pending") == ["A-1"]
    assert found(api(lead), "state=second") == ["A-1"]


def test_checks_are_not_found_by_their_kind(
    open_ticket: Open, project: Any, ann: Any, bo: Any, lead: Any, api: Any
) -> None:
    open_ticket("G-1::pass", margin=0.5)
    review(bo, project, "unsure")
    review(people.make_member(project, "reviewer", "cy"), project, "unsure")
    services.add_gold(Actor.of_user(lead), adjudicate(lead, project, "fail"))
    policy = policy_of(project)
    policy.gold_percent = 100.0
    policy.save()
    decide(ann, claimed(ann, project), "fail")
    assert found(api(ann), "kind=gold") == []
    assert found(api(ann), "kind=label_suspect") == ["G-1"]


def test_a_blind_ticket_comes_whatever_a_reviewer_asks_of_what_it_hides(
    open_ticket: Open, project: Any, ann: Any
) -> None:
    open_ticket("D-1::pass", kind="drift")
    open_ticket("A-1::pass")
    open_ticket("A-2::pass", model_verdict="pass", label="fail")
    asked = ItemFilter(kind=("label_suspect",), verdict=("pass",))
    leases = claim(ann, project, 3, filter=asked)
    assert {lease.item.group_id for lease in leases} == {"D-1", "A-2"}
    # Asked again it is still theirs: to lose it would tell as much.
    assert {lease.item.group_id for lease in claim(ann, project, 3, filter=asked)} == {"D-1", "A-2"}
    assert claim(ann, project, 3, filter=ItemFilter(mission=("pole",)))[1:] == []


def test_the_palette_shows_a_blind_ticket_without_its_label(
    open_ticket: Open, ann: Any, lead: Any
) -> None:
    open_ticket("D-1::pass", kind="drift")

    def told(user: Any, text: str) -> str:
        return people.browser(user).get("/p/alpha/search", {"q": text}).content.decode()

    assert "D-1" in told(ann, "D-1") and "D-1::pass" not in told(ann, "D-1")
    assert "D-1" not in told(ann, "D-1::p")
    assert "D-1::pass" in told(lead, "D-1::p")


def test_folders_of_images_and_twins_do_not_tell_the_label(
    open_ticket: Open, ann: Any, lead: Any, api: Any
) -> None:
    image = {"name": "images/审核不通过/D-1/1.jpg", "sha256": "0" * 64, "size": 1}
    twin = {"image": 1, "ticket_key": "B-7::fail", "name": "审核不通过/B-7/2.jpg", "distance": 2}
    twin["sha256"] = "1" * 64
    item = open_ticket("D-1::fail", kind="drift", images=[image], evidence=[twin])
    seen, whole = (api(one).get(f"{URL}{item.pk}/").json() for one in (ann, lead))
    assert [seen["images"][0]["name"], seen["evidence"][0]["ticket_key"]] == ["1.jpg", "B-7"]
    assert seen["evidence"][0]["name"] == "2.jpg"
    assert whole["evidence"][0]["ticket_key"] == "B-7::fail"


def test_who_takes_a_decision_back_after_it_has_told_is_not_blind_any_more(
    open_ticket: Open, project: Any, ann: Any
) -> None:
    item = open_ticket("D-1::pass", kind="drift")
    review(ann, project, "fail")
    assert Review.objects.get().blind
    _item, lease = services.undo(Actor.of_user(ann), item.pk)
    assert lease is not None and not lease.blind
    second = decide(ann, ReviewItem.objects.get(pk=item.pk), "pass")
    assert not second.review.blind
