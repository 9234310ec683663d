"""Decisions, second reviews, conflicts, late answers and undo."""
from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from console.accounts.audit import SYSTEM, Actor
from console.api.problems import ApiProblem
from console.reviews import chain, services
from console.reviews.models import Export, Review, ReviewEvent, ReviewItem
from tests.support import people
from tests.unit.console.reviews.conftest import (
    adjudicate,
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


def undo(person: Any, item: ReviewItem) -> Any:
    return services.undo(Actor.of_user(person), item.pk)


def test_one_review_settles_a_ticket_that_the_model_is_sure_of(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    open_ticket("A-1::pass")
    item = review(ann, project, "fail")
    assert (item.state, item.outcome) == ("decided", "fail")
    assert item.settled is not None and claim(ann, project) == []


@pytest.mark.parametrize(
    ("decision", "reasons", "right"),
    [("fail", [], False), ("fail", ["missing"], True), ("pass", [], False),
     ("pass", ["model_misread"], True), ("pass", ["missing"], False),
     ("fail", ["no_such"], False), ("broken", [], True), ("unsure", [], True)],
)
def test_fail_needs_a_reason_and_so_does_pass_against_the_model(
    open_ticket: Any, project: Any, ann: Any, decision: str, reasons: list[str], right: bool
) -> None:
    open_ticket("A-1::pass")
    item = claimed(ann, project)
    if right:
        decide(ann, item, decision, reasons=reasons)
        return
    with pytest.raises(ApiProblem) as caught:
        decide(ann, item, decision, reasons=reasons)
    assert code_of(caught) == (422, "invalid")
    assert fresh(item).state == "leased"


def test_who_cannot_see_the_models_verdict_need_not_say_why_they_differ(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    open_ticket("A-1::pass", kind="drift")
    assert decide(ann, claimed(ann, project), "pass", reasons=[]).review.blind


def test_a_low_margin_gets_a_second_blind_review_by_another_person(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    open_ticket("A-1::pass", margin=0.67)
    assert review(ann, project, "fail").state == "second"
    assert claim(ann, project) == []
    (lease,) = claim(bo, project)
    assert lease.blind
    assert fresh(decide(bo, lease.item, "fail").item).state == "agreed"


def test_an_assigned_ticket_goes_to_the_pool_for_its_second_review(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    item = open_ticket("A-1::pass", margin=0.67)
    ReviewItem.objects.filter(pk=item.pk).update(assigned_to=ann)
    review(ann, project, "fail")
    assert claimed(bo, project) == item


def test_a_conflict_is_settled_by_a_third_person(
    open_ticket: Any, project: Any, ann: Any, lead: Any
) -> None:
    open_ticket("A-1::pass", margin=0.67)
    review(ann, project, "fail")
    item = review(lead, project, "pass")
    assert (item.state, item.outcome) == ("conflict", "")
    assert claim(lead, project, adjudicating=True) == []
    other = people.make_member(project, "lead", "other-lead")
    assert claimed(other, project, adjudicating=True) == item


def test_the_adjudicators_word_is_the_outcome_and_the_others_are_kept(
    open_ticket: Any, project: Any, ann: Any, bo: Any, lead: Any
) -> None:
    open_ticket("A-1::pass", margin=0.67)
    review(ann, project, "fail")
    review(bo, project, "pass")
    held = claimed(lead, project, adjudicating=True)
    with pytest.raises(ApiProblem):
        decide(lead, held, "unsure")
    item = adjudicate(lead, project, "pass")
    assert (item.state, item.outcome) == ("adjudicated", "pass")
    assert [r.decision for r in item.reviews.all()] == ["fail", "pass", "pass"]


def test_unsure_asks_for_an_adjudicator(
    open_ticket: Any, project: Any, ann: Any, lead: Any
) -> None:
    open_ticket("A-1::pass")
    assert review(ann, project, "unsure").state == "conflict"
    assert adjudicate(lead, project, "fail").outcome == "fail"


def test_a_late_answer_is_kept_beside_the_one_that_counts(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    item = open_ticket("A-1::pass")
    claim(ann, project)
    expire(item)
    services.reap()
    review(bo, project, "fail")
    late = decide(ann, item, "pass")
    assert late.kept and late.review.role == "extra"
    assert late.other is not None and late.other.reviewer == bo
    assert fresh(item).outcome == "fail"
    again = decide(ann, item, "pass")
    assert again.kept and again.review == late.review


def test_a_late_answer_while_another_looks_is_kept_and_shows_nothing(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    item = open_ticket("A-1::pass")
    claim(ann, project)
    expire(item)
    services.reap()
    claim(bo, project)
    late = decide(ann, item, "pass")
    assert late.kept and late.other is None
    assert fresh(item).state == "leased"


def test_a_late_answer_counts_when_nobody_took_the_ticket(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    item = open_ticket("A-1::pass")
    claim(ann, project)
    expire(item)
    assert not decide(ann, item, "fail").kept
    other = open_ticket("A-2::pass")
    claim(ann, project)
    expire(other)
    services.reap()
    assert not decide(ann, other, "fail").kept
    assert fresh(other).state == "decided"


def test_who_never_had_a_ticket_cannot_decide_it(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    item = open_ticket("A-1::pass")
    with pytest.raises(services.LeaseGoneError):
        decide(ann, item, "fail")
    claim(bo, project)
    with pytest.raises(services.LeaseGoneError):
        decide(ann, item, "fail")
    assert not Review.objects.exists()


def test_a_changed_ticket_is_not_decided_on_what_it_was(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    open_ticket("A-1::pass")
    seen = claimed(ann, project)
    open_ticket("A-1::pass", source="t" * 64, summaries=["screw present×1"])
    with pytest.raises(services.ChangedTicketError) as caught:
        decide(ann, seen, "fail")
    assert code_of(caught) == (412, "ticket_changed")
    assert caught.value.extra == {"version": 2, "changed": ["summaries"]}
    assert not decide(ann, fresh(seen), "fail").kept


def test_undo_brings_the_ticket_back_and_keeps_both_words(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    open_ticket("A-1::pass")
    item = review(ann, project, "fail")
    item, lease = undo(ann, item)
    assert lease.reviewer == ann and fresh(item).state == "leased"
    assert fresh(decide(ann, item, "pass").item).outcome == "pass"
    assert [r.role for r in item.reviews.all()] == ["first", "undo", "first"]
    assert [e.action for e in item.events.all()] == [
        "opened", "leased", "decided", "undone", "leased", "decided",
    ]


def test_undoing_the_first_of_two_leaves_the_second(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    open_ticket("A-1::pass", margin=0.67)
    review(ann, project, "fail")
    item = review(bo, project, "pass")
    undo(ann, item)
    assert fresh(item).state == "leased"
    assert fresh(decide(ann, item, "pass").item).state == "agreed"


def test_undo_while_another_looks_at_it_leaves_it_on_their_screen(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    open_ticket("A-1::pass", margin=0.67)
    item = review(ann, project, "fail")
    claim(bo, project)
    _item, lease = undo(ann, item)
    assert lease is None
    assert fresh(decide(bo, item, "fail").item).state == "second"
    assert claimed(ann, project) == item


def test_undo_has_an_end(open_ticket: Any, project: Any, ann: Any, bo: Any, lead: Any) -> None:
    open_ticket("A-1::pass")
    item = review(ann, project, "fail")
    with pytest.raises(services.CannotUndoError) as nothing:
        undo(bo, item)
    assert services.consume(SYSTEM, [item], "guidance:cabinet@7") == 1
    assert services.consume(SYSTEM, [item], "guidance:cabinet@8") == 0
    with pytest.raises(services.CannotUndoError) as consumed:
        undo(ann, item)
    ReviewItem.objects.update(consumed_by="")
    Review.objects.update(created=timezone.now() - timedelta(minutes=15, seconds=1))
    with pytest.raises(services.CannotUndoError) as late:
        undo(ann, item)
    codes = [caught.value.code for caught in (nothing, consumed, late)]
    assert codes == ["nothing_to_undo", "consumed", "too_late"]


def test_only_the_last_twenty_can_be_undone(open_ticket: Any, project: Any, ann: Any) -> None:
    for number in range(21):
        open_ticket(f"A-{number}::pass")
    done = [review(ann, project, "fail") for _ in range(21)]
    with pytest.raises(services.CannotUndoError):
        undo(ann, done[0])
    undo(ann, done[1])


def test_an_adjudicated_first_review_stands(
    open_ticket: Any, project: Any, ann: Any, bo: Any, lead: Any
) -> None:
    open_ticket("A-1::pass", margin=0.67)
    review(ann, project, "fail")
    review(bo, project, "pass")
    item = adjudicate(lead, project, "pass")
    with pytest.raises(services.CannotUndoError) as caught:
        undo(ann, item)
    assert caught.value.code == "adjudicated"
    undo(lead, item)
    assert fresh(item).state == "leased"


def test_the_database_itself_refuses_what_the_rules_forbid(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    item = open_ticket("A-1::pass")
    export = Export.objects.create(project=project, scope="new")
    broken: list[Any] = [
        lambda: ReviewItem.objects.update(state="decided"),
        lambda: ReviewItem.objects.update(outcome="pass"),
        lambda: ReviewItem.objects.update(state="leased"),
        lambda: ReviewItem.objects.update(exported_in=export),
        lambda: ReviewItem.objects.update(needed=4),
        lambda: ReviewItem.objects.update(state="lost", claimable=False),
        lambda: Review.objects.create(
            item=item, reviewer=ann, role="first", decision="fail", ticket_version=1
        ),
        lambda: [
            Review.objects.create(
                item=item, reviewer=ann, role=role, decision="pass", ticket_version=1
            )
            for role in ("first", "second")
        ],
    ]
    for act in broken:
        with pytest.raises(IntegrityError), transaction.atomic():
            act()


def test_the_log_is_a_chain_in_which_a_changed_word_shows(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    open_ticket("A-1::pass")
    item = review(ann, project, "fail")
    assert chain.verify(project) == []
    event = item.events.get(number=3)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE reviews_reviewevent SET reason = 'x' WHERE id = %s", [event.pk])
    assert chain.verify(project) == [{"what": "event", "item": item.pk, "number": 3}]


def test_a_day_that_is_over_is_anchored_and_a_cut_tail_shows(
    open_ticket: Any, project: Any, ann: Any, monkeypatch: Any
) -> None:
    open_ticket("A-1::pass")
    item = review(ann, project, "fail")
    assert chain.anchor_days(project) == 0
    later = timezone.now() + timedelta(days=1, minutes=10)
    monkeypatch.setattr(chain.timezone, "now", lambda: later)
    assert (chain.anchor_days(project), chain.anchor_days(project)) == (1, 0)
    assert chain.verify(project) == []
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM reviews_reviewevent WHERE item_id = %s AND number = 3", [item.pk]
        )
    assert [finding["what"] for finding in chain.verify(project)] == ["day"]


def test_events_cannot_be_changed(open_ticket: Any) -> None:
    item = open_ticket("A-1::pass")
    event = item.events.get()
    for act in (event.save, event.delete, ReviewEvent.objects.all().delete):
        with pytest.raises(TypeError):
            act()


def test_the_same_source_opens_nothing_twice(project: Any) -> None:
    rows = [row("A-1::pass"), row("A-2::fail"), row("A-1::pass", kind="drift")]
    first = services.open_items(SYSTEM, project, rows, source="s" * 64)
    assert (first.opened, first.known) == (3, 0)
    again = services.open_items(SYSTEM, project, rows, source="s" * 64)
    assert (again.opened, again.known) == (0, 3)


def test_the_same_evidence_is_never_asked_twice_and_other_evidence_is(
    open_ticket: Any, project: Any, ann: Any
) -> None:
    open_ticket("A-1::pass")
    decided = review(ann, project, "fail")
    same = open_ticket("A-1::pass", source="t" * 64, model_reason="in other words")
    assert same == decided
    other = open_ticket("A-1::pass", source="u" * 64, model_verdict="pass", label="pass")
    assert other != decided and other.state == "pending"
