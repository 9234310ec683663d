"""Taking a decision back: for a while, one's own, and as an event of its own."""
from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from console.accounts.audit import Actor
from console.accounts.models import Project, User
from console.api.problems import ApiProblem
from console.reviews import gold
from console.reviews.deciding import settle
from console.reviews.leases import HARD, counted_reviews, lease_of, person_of, record_of
from console.reviews.models import Lease, Review, ReviewItem
from console.reviews.policy import policy_of
from console.reviews.states import COUNTED, FINAL, FREE, Role, State, rest_state
from console.reviews.transitions import Said, locked, move

WITHIN = timedelta(minutes=15)
LAST = 20


class CannotUndoError(ApiProblem):
    """The decision stands."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(409, code, detail)


def undoable(project: Project, person: User) -> QuerySet[Review]:
    """The person's decisions that could still be taken back as far as time goes, newest first."""
    recent = Review.objects.filter(
        item__project=project, reviewer=person, active=True, role__in=COUNTED
    ).order_by("-id")
    keys = list(recent.values_list("pk", flat=True)[:LAST])
    since = timezone.now() - WITHIN
    return recent.filter(pk__in=keys, created__gt=since).select_related("item")


def undo(actor: Actor, item_id: int, client: str = "") -> tuple[ReviewItem, Lease | None]:
    """Take back the caller's decision about a ticket; they get the ticket again when it is free.

    Raises CannotUndoError when there is none, it is too old, or something rests on it.
    """
    person = person_of(actor)
    with transaction.atomic():
        project = Project.objects.get(review_items=item_id)
        record_of(project, person)
        lease = lease_of(item_id)
        item = locked(item_id)
        counted = counted_reviews(item)
        review = next((r for r in counted.values() if r.reviewer_id == person.pk), None)
        if review is None:
            raise CannotUndoError("nothing_to_undo", "There is no decision of yours to take back.")
        _check(project, person, item, review, counted)
        Review.objects.filter(pk=review.pk).update(active=False)
        undone = Review.objects.create(
            item=item, reviewer=person, role=Role.UNDO, active=False, decision=review.decision,
            reasons=review.reasons, reasons_n=review.reasons_n, undoes=review, client=client,
            reasons_version=review.reasons_version, ticket_version=item.version,
            guidance_step=item.guidance_step, blind=review.blind,
        )
        del counted[review.role]
        said = Said("undone", client=client, detail={"review": review.pk, "undo": undone.pk})
        if lease is not None:
            _behind(actor, item, lease, counted, said)
            return item, None
        # A settled ticket has told the model's word: who decides it anew is not blind any more.
        told = item.state in FINAL
        settle(actor, item, counted, said)
        if item.gold_id is not None:
            gold.tally(policy_of(project), project, person)
        return item, _again(actor, item, review, client, blind=review.blind and not told)


def _check(
    project: Project, person: User, item: ReviewItem, review: Review, counted: dict[str, Review]
) -> None:
    if item.state == State.EXPORTED or item.consumed_by:
        by = item.consumed_by or "an export"
        raise CannotUndoError("consumed", f"It is used by {by} and stands.")
    if not undoable(project, person).filter(pk=review.pk).exists():
        minutes = int(WITHIN.total_seconds() // 60)
        raise CannotUndoError(
            "too_late", f"Only your last {LAST} decisions of the last {minutes} minutes can be "
            "taken back.",
        )
    if review.role != Role.ADJUDICATOR and Role.ADJUDICATOR in counted:
        raise CannotUndoError("adjudicated", "An adjudicator has decided about it since.")


def _behind(
    actor: Actor, item: ReviewItem, lease: Lease, counted: dict[str, Review], said: Said
) -> None:
    """Somebody else has the ticket on the screen: it stays theirs, and waits for what is now
    missing when they let go."""
    blind = [r.decision for role, r in counted.items() if role != Role.ADJUDICATOR]
    if lease.back_to == State.CONFLICT:
        raise CannotUndoError("adjudicating", "An adjudicator is looking at it.")
    lease.back_to = rest_state(blind, item.needed)
    lease.save(update_fields=["back_to"])
    move(item, item.state, actor, said)


def _again(
    actor: Actor, item: ReviewItem, review: Review, client: str, *, blind: bool
) -> Lease | None:
    if item.state not in FREE:
        return None
    back_to, now = item.state, timezone.now()
    adjudicating = review.role == Role.ADJUDICATOR
    if (back_to == State.CONFLICT) != adjudicating:
        return None
    move(item, State.LEASED, actor, Said("leased", client=client))
    return Lease.objects.create(
        item=item, reviewer=review.reviewer, hold=Lease.Hold.HARD, back_to=back_to, blind=blind,
        client=client, taken=now, expires=now + HARD,
    )
