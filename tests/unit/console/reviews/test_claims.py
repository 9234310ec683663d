"""Who gets which ticket, for how long, and that nobody shares one."""
from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from console.accounts.audit import SYSTEM, Actor
from console.api.problems import ApiProblem
from console.reviews import queries, services
from console.reviews.filters import ItemFilter
from console.reviews.models import Lease, ReviewEvent, ReviewItem
from tests.support import people
from tests.unit.console.reviews.conftest import (
    claim,
    claimed,
    code_of,
    decide,
    expire,
    fresh,
    no_gold,
    review,
    row,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_checks(project: Any) -> None:
    no_gold(project)


def test_the_first_ticket_is_held_hard_and_those_behind_it_softly(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    for number in range(4):
        open_ticket(f"A-{number}::pass")
    leases = claim(ann, project, 3)
    assert [lease.hold for lease in leases] == ["hard", "soft", "soft"]
    now = timezone.now()
    assert timedelta(minutes=4, seconds=55) < leases[0].expires - now <= timedelta(minutes=5)
    assert timedelta(seconds=85) < leases[1].expires - now <= timedelta(seconds=90)
    assert [fresh(lease.item).state for lease in leases] == ["leased"] * 3


def test_asking_again_gives_the_same_tickets_and_only_fills_up(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    for number in range(5):
        open_ticket(f"A-{number}::pass")
    first = [lease.item_id for lease in claim(ann, project, 2)]
    assert [lease.item_id for lease in claim(ann, project, 3)][:2] == first
    decide(ann, ReviewItem.objects.get(pk=first[0]), "fail")
    after = claim(ann, project, 3)
    assert after[0].item_id == first[1] and after[0].hold == "hard"


def test_two_people_never_hold_one_ticket(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    open_ticket("A-1::pass")
    assert claim(ann, project) and claim(bo, project) == []


def test_the_order_is_priority_then_score_then_age(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    sure = open_ticket("A-1::pass", label="fail")
    torn = open_ticket("A-2::pass", margin=0.5)
    urgent = open_ticket("A-3::pass", label="fail")
    ReviewItem.objects.filter(pk=urgent.pk).update(priority=5)
    assert [lease.item for lease in claim(ann, project, 3)] == [urgent, torn, sure]


def test_scores_are_the_same_when_they_are_made_again(open_ticket: Any, project: Any) -> None:
    one = open_ticket("A-1::pass", margin=0.7)
    parts = one.score_parts
    assert (parts["uncertainty"], parts["disagreement"]) == (pytest.approx(0.6), 1.0)
    other = open_ticket("A-1::pass", kind="evidence_gap", margin=0.7)
    assert other.score_parts["tie"] == parts["tie"]


def test_a_filter_narrows_what_comes_next_and_lets_go_of_what_waited(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    open_ticket("A-1::pass", mission="cabinet")
    open_ticket("A-2::pass", mission="cabinet")
    wanted = open_ticket("B-1::pass", mission="pole")
    held = claim(ann, project, 2, filter=ItemFilter(mission=("cabinet",)))
    now = claim(ann, project, 3, filter=ItemFilter(mission=("pole",)))
    assert [lease.item for lease in now] == [held[0].item, wanted]
    assert fresh(held[1].item).state == "pending"


def test_what_is_assigned_to_others_is_not_offered(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    item = open_ticket("A-1::pass")
    ReviewItem.objects.filter(pk=item.pk).update(assigned_to=bo)
    assert claim(ann, project) == []
    assert claimed(bo, project) == item


def test_a_heartbeat_renews_until_half_an_hour_is_over(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    item = open_ticket("A-1::pass")
    claim(ann, project)
    taken = timezone.now() - timedelta(minutes=27)
    Lease.objects.update(taken=taken)
    ends = services.beat(Actor.of_user(ann), project, [item.pk, item.pk + 1])
    assert ends == {item.pk: taken + timedelta(minutes=30), item.pk + 1: None}


def test_a_lease_that_ran_out_goes_back_where_it_came_from(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    item = open_ticket("A-1::pass", margin=0.6)
    assert review(ann, project, "fail").state == "second"
    claim(bo, project)
    expire(item)
    assert services.reap() == 1
    assert fresh(item).state == "second" and not Lease.objects.exists()
    assert ReviewEvent.objects.latest("id").action == "expired"


def test_a_skip_says_why_and_does_not_come_back(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    item = open_ticket("A-1::pass")
    claim(ann, project)
    act = Actor.of_user(ann)
    with pytest.raises(ApiProblem) as caught:
        services.release(act, project, item.pk, skip=True, reason=" ")
    assert code_of(caught) == (422, "invalid")
    services.release(act, project, item.pk, skip=True, reason="too dark")
    assert claim(ann, project) == [] and claimed(bo, project) == item


def test_releasing_what_is_not_ones_own_is_refused(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    item = open_ticket("A-1::pass")
    claim(ann, project)
    with pytest.raises(services.LeaseGoneError):
        services.release(Actor.of_user(bo), project, item.pk)
    assert services.release_all(Actor.of_user(bo), project, [item.pk]) == 0
    assert services.release_all(Actor.of_user(ann), project) == 1


def test_an_empty_answer_says_why(open_ticket: Any, project: Any, ann: Any, bo: Any) -> None:
    def why(**changes: Any) -> queries.Empty:
        wanted = services.Wanted(1, **changes)
        assert claim(ann, project, **changes) == []
        return queries.why_empty(ann, project, wanted)

    assert why().code == "none_left"
    open_ticket("A-1::pass")
    other = why(filter=ItemFilter(mission=("pole",)))
    assert (other.code, other.filtered) == ("filtered", 1)
    (lease,) = claim(bo, project)
    held = why()
    assert (held.code, held.leased, held.until) == ("leased", 1, lease.expires)
    services.release(Actor.of_user(bo), project, lease.item_id)
    ReviewItem.objects.update(needed=2)
    review(ann, project, "fail")
    assert (why().code, why().yours) == ("yours", 1)
    ReviewItem.objects.update(assigned_to=bo)


@pytest.mark.django_db(transaction=True)
def test_many_claims_at_once_never_share_a_ticket() -> None:
    project = people.make_project("many")
    no_gold(project)
    services.open_items(
        SYSTEM, project, [row(f"A-{n}::pass") for n in range(12)], source="s" * 64
    )
    reviewers = [people.make_member(project, "reviewer", f"reviewer-{n}") for n in range(8)]
    ready = threading.Barrier(len(reviewers))
    won: list[tuple[int, int]] = []

    def race(person: Any) -> None:
        ready.wait()
        try:
            for _ in range(3):
                for lease in claim(person, project):
                    won.append((lease.item_id, person.pk))
                    decide(person, lease.item, "fail")
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=(person,)) for person in reviewers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 12 and len({item for item, _person in won}) == 12
    assert set(ReviewItem.objects.values_list("state", flat=True)) == {"decided"}
