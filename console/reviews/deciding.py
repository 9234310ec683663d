"""Decisions: the answer to a ticket becomes a review, and the ticket moves on.

An answer is never thrown away. One that comes after its lease was lost counts when nobody else has
taken the ticket meanwhile; otherwise it is kept as an extra review, and the caller is shown what
the other person decided.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from console.accounts.audit import Actor
from console.accounts.models import Project, User
from console.api.problems import ApiProblem
from console.reviews import gold
from console.reviews.leases import (
    LeaseGoneError,
    counted_reviews,
    free_role,
    lease_of,
    person_of,
    record_of,
)
from console.reviews.models import ReasonList, Review, ReviewerRecord, ReviewItem
from console.reviews.policy import policy_of, reasons_of
from console.reviews.states import (
    COUNTED,
    SETTLED,
    Decision,
    Role,
    State,
    outcome_of,
    rest_state,
)
from console.reviews.transitions import Said, lock, locked, move, move_many

MAX_COMMENT = 4000
MAX_ACTIVE_MS = 30 * 60 * 1000
"""a longer time on one ticket is not activity"""


@dataclass(frozen=True)
class Answer:
    """What somebody says about a ticket. `version` is that of the ticket they saw."""

    decision: str
    version: int
    reasons: Sequence[str] = ()
    comment: str = ""
    duration_ms: int = 0
    client: str = ""


@dataclass(frozen=True)
class Decided:
    """What became of an answer. `kept`: it came too late, or again; `review` is what is kept of
    the person's word, and `other` the review that counts instead, when there is one."""

    item: ReviewItem
    review: Review
    kept: bool = False
    other: Review | None = None


class ChangedTicketError(ApiProblem):
    """The ticket is not what the caller decided about."""

    def __init__(self, item: ReviewItem, version: int) -> None:
        changed = item.events.filter(action="changed", ticket_version__gt=version)
        fields = sorted({name for e in changed for name in e.detail.get("fields", ())})
        super().__init__(
            412, "ticket_changed", "The ticket has changed since you read it.",
            version=item.version, changed=fields,
        )


def decide(
    actor: Actor, item_id: int, answer: Answer, project: Project | None = None
) -> Decided:
    """Take an answer. `project` is the ticket's, where the caller has it at hand.

    Raises ChangedTicketError, or ApiProblem 422 for an answer that lacks a reason; then nothing
    has happened."""
    person = person_of(actor)
    with transaction.atomic():
        project = project or Project.objects.get(review_items=item_id)
        record = record_of(project, person)
        lease = lease_of(item_id)
        item = locked(item_id)
        mine = lease is not None and lease.reviewer_id == person.pk
        if not mine and (earlier := _own(item, person)) is not None:
            return Decided(item, earlier, kept=True, other=_other(item, person))
        if not mine and not item.events.filter(action="leased", user=person).exists():
            raise LeaseGoneError("Claim the ticket first.")
        late = not mine and (item.state != State.PENDING or item.gold_id is not None)
        blind = lease.blind if mine and lease is not None else item.blind
        if not late and answer.version != item.version:
            raise ChangedTicketError(item, answer.version)
        reasons = reasons_of(project)
        _check(item, answer, reasons, blind=blind)
        if late:
            review = _write(item, person, Role.EXTRA, answer, reasons, blind=blind)
            told = _said("extra", answer, review)
            move(item, item.state, actor, told)
            return Decided(item, review, kept=True, other=_other(item, person))
        if not mine:
            # The lease ran out and nobody took the ticket meanwhile: the answer is as good.
            move(item, State.LEASED, actor, Said("leased", client=answer.client))
        back_to = lease.back_to if mine and lease is not None else State.PENDING
        if mine and lease is not None:
            lease.delete()
        return _count(actor, item, record, (answer, reasons), back_to, blind=blind)


def consume(actor: Actor, items: Sequence[ReviewItem], by: str) -> int:
    """Say that something rests on the decisions of settled tickets (`guidance:MISSION@STEP`), so
    that they cannot be taken back; returns how many were settled and free of that so far."""
    with transaction.atomic():
        rows = ReviewItem.objects.filter(
            pk__in=[item.pk for item in items], state__in=SETTLED, consumed_by=""
        )
        found = list(lock(rows.order_by("pk")))
        move_many(found, None, actor, Said("consumed", detail={"by": by}), consumed_by=by[:80])
    return len(found)


def comment(actor: Actor, item: ReviewItem, text: str) -> None:
    """Say something about a ticket without deciding it."""
    with transaction.atomic():
        item = locked(item.pk)
        move(item, item.state, actor, Said("comment", reason=text))


def _count(
    actor: Actor, item: ReviewItem, record: ReviewerRecord, given: tuple[Answer, ReasonList],
    back_to: str, *, blind: bool,
) -> Decided:
    """The answer as the review that the ticket waited for."""
    answer, reasons = given
    counted = counted_reviews(item)
    role = free_role(counted, adjudicating=back_to == State.CONFLICT)
    if role == Role.ADJUDICATOR and answer.decision == Decision.UNSURE:
        raise _invalid("/decision", "An adjudicator decides: pass, fail or broken.")
    review = _write(item, record.reviewer, role, answer, reasons, blind=blind)
    counted[role] = review
    values: dict[str, Any] = {}
    if record.below_floor and item.needed < 2 and item.gold_id is None:
        values["needed"] = 2
    settle(actor, item, counted, _said("decided", answer, review), **values)
    if item.gold_id is not None:
        gold.judge(actor, policy_of(item.project), review)
    return Decided(item, review)


def settle(
    actor: Actor, item: ReviewItem, counted: dict[str, Review], said: Said, **values: Any
) -> None:
    """Bring a ticket that nobody holds into the state that its reviews make of it."""
    blind = [counted[role].decision for role in (Role.FIRST, Role.SECOND) if role in counted]
    adjudicator = counted.get(Role.ADJUDICATOR)
    needed = 1 if item.gold_id is not None else values.get("needed", item.needed)
    state = rest_state(blind, needed, adjudicated=adjudicator is not None)
    if item.gold_id is not None and state == State.CONFLICT:
        state = State.DECIDED  # an unsure answer to a check is a wrong one, not a conflict
    outcome = blind[0] if item.gold_id is not None and blind else outcome_of(
        state, blind, adjudicator.decision if adjudicator else ""
    )
    if state == State.SECOND:
        values["assigned_to"] = None  # whom it was assigned to cannot be the second person
    move(
        item, state, actor, said, outcome=outcome,
        settled=timezone.now() if state in SETTLED else None, **values,
    )


def _own(item: ReviewItem, person: User) -> Review | None:
    """The person's word about the ticket, as far as it was not taken back."""
    rows = Review.objects.filter(item=item, reviewer=person, active=True)
    return rows.exclude(role=Role.UNDO).order_by("-id").first()


def _check(item: ReviewItem, answer: Answer, reasons: ReasonList, *, blind: bool) -> None:
    known = {code["code"]: code["for"] for code in reasons.codes}
    unknown = next((code for code in answer.reasons if code not in known), None)
    if unknown is not None:
        raise _invalid("/reasons", f"There is no reason {unknown!r}; there is: {', '.join(known)}.")
    unfit = next((c for c in answer.reasons if answer.decision not in known[c]), None)
    if unfit is not None and answer.decision in (Decision.PASS, Decision.FAIL):
        raise _invalid("/reasons", f"{unfit!r} is no reason for {answer.decision}.")
    if answer.decision == Decision.FAIL and not answer.reasons:
        raise _invalid("/reasons", "FAIL needs at least one reason.")
    # Who cannot see the model's verdict cannot be asked why they do not follow it.
    overrides = answer.decision == Decision.PASS and item.model_verdict == "fail" and not blind
    if overrides and not answer.reasons:
        raise _invalid("/reasons", "PASS against the model's FAIL needs at least one reason.")


def _write(
    item: ReviewItem, person: User, role: str, answer: Answer, reasons: ReasonList, *, blind: bool
) -> Review:
    codes = list(dict.fromkeys(answer.reasons))
    return Review.objects.create(
        item=item, reviewer=person, role=role, decision=answer.decision, reasons=codes,
        reasons_n=len(codes), reasons_version=reasons.version,
        comment=answer.comment[:MAX_COMMENT], ticket_version=answer.version,
        guidance_step=item.guidance_step, duration_ms=min(answer.duration_ms, MAX_ACTIVE_MS),
        blind=blind, client=answer.client,
    )


def _said(action: str, answer: Answer, review: Review) -> Said:
    return Said(
        action, reason=", ".join(review.reasons), client=answer.client,
        duration_ms=review.duration_ms,
        detail={"review": review.pk, "role": review.role, "decision": review.decision},
    )


def _other(item: ReviewItem, person: User) -> Review | None:
    rows = Review.objects.filter(item=item, active=True, role__in=COUNTED).exclude(reviewer=person)
    # A ticket that still waits for a blind second review shows nobody its first.
    return None if item.state not in SETTLED | {State.EXPORTED} else rows.order_by("-id").first()


def _invalid(where: str, detail: str) -> ApiProblem:
    return ApiProblem(422, "invalid", detail, errors=[{"pointer": where, "detail": detail}])
