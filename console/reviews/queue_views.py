"""The queue as a lead sees it, how well it goes, and one ticket with its whole history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.accounts.models import Membership, Project
from console.accounts.roles import RIGHTS
from console.api.pagination import keyset_page
from console.catalog.reports import histogram
from console.reviews import figures, ingest, overview, own, queries, services, shapes, words
from console.reviews.blindness import viewer_of
from console.reviews.checklist import checklist_of
from console.reviews.filters import ItemFilter, filter_of_query
from console.reviews.models import Export, ReviewerGroup, ReviewItem
from console.reviews.policy import policy_of, reasons_of
from console.reviews.states import FINAL, SETTLED, Decision, Kind, State
from console.verdicts import boards
from console.web.pages import link, page, pager, project_of

PAGE_SIZE = 50
EXPORTS_SHOWN = 5
VIEWS: tuple[tuple[str, str | Promise], ...] = (
    ("open", pgettext_lazy("tickets", "Open")),
    ("late", _("Late")),
    ("conflict", _("Conflicts")),
    ("unassigned", _("In the pool")),
    ("settled", _("Settled")),
    ("all", _("All")),
)


@requires(get="reviews.view")
@page
def queue(request: HttpRequest, project: str) -> HttpResponseBase:
    """Tickets in the order of the queue; the filters are the URL."""
    here, viewer = project_of(request), viewer_of(request)
    view = request.GET.get("view", "open")
    asked = filter_of_query(request.GET)
    wanted = _with_view(asked, view)
    found = keyset_page(
        queries.lines(here, viewer, wanted),
        queries.QUEUE_ORDER,
        request.GET.get("cursor", ""),
        PAGE_SIZE,
    )
    open_, exact = queries.count_up_to(
        services.open_tickets(here, wanted, timezone.now(), viewer.user)
    )
    standing = overview.standing(here)
    context = {
        "tickets": [_row(item, viewer) for item in found.items], "depth": standing,
        "states": standing.states, "kinds_open": standing.kinds,
        "views": [
            {"name": n, "title": t, "url": link(request, view=n, cursor=None, state=None,
                                                late=None, assigned=None)}
            for n, t in VIEWS
        ],
        "view": view if not asked.state else "", "asked": _asked(asked),
        "any": bool(asked.to_json()), "missions": standing.missions,
        "kinds": [(k, words.KINDS[k]) for k in Kind if k != Kind.GOLD or viewer.sees_all],
        "policy": policy_of(here), "alarms": boards.standing_rows(here),
        "failures": ingest.failures(here),
        "saved": _saved(here, viewer), "here": request.META["QUERY_STRING"],
        "acts_on": open_, "acts_exact": exact, "assignable": _assignable(here, viewer),
        "data": _data(here, wanted), "exports": _exports(here, viewer), "tab": "queue",
        **pager(request, found.next_cursor),
    }  # fmt: skip
    return render(request, "reviews/queue.html", context)


@requires(post="reviews.create")
@page
def retake(request: HttpRequest, project: str, uid: str) -> HttpResponseBase:
    """Take the tickets of a run in that could not be taken in before."""
    ingest.retake(Actor.of_request(request), project_of(request), uid)
    messages.success(request, _("The tickets are taken in anew."))
    return redirect("reviews:queue", project)


@requires(get="reviews.audit")
@page
def quality(request: HttpRequest, project: str) -> HttpResponseBase:
    """Agreement, accuracy in checks, throughput, and what is not well."""
    here = project_of(request)
    by = request.GET.get("by", "mission")
    by = by if by in figures.SLICES else "mission"
    run, speed = overview.newest_verdicts(here), overview.throughput(here)
    rows = figures.agreement(here, by)
    names = {**words.KINDS, **{k: v for k, v in words.DECISIONS.items() if by == "verdict"}}
    for row in rows["slices"]:
        row["title"] = names.get(row["slice"], row["slice"])
    context = {
        "agreement": rows,
        "by": by,
        "slices": figures.SLICES,
        "accuracy": figures.accuracy(here),
        "speed": speed,
        "bars": _bars(speed),
        "people": overview.decided_by(here),
        "run": run,
        "rates": overview.rates(run) if run else {},
        "alarms": boards.standing_rows(here),
        "depth": overview.standing(here),
        "notices": list(queries.notices(here)[:20]),
        "policy": policy_of(here),
        "tab": "quality",
    }
    return render(request, "reviews/quality.html", context)


@requires(get="reviews.view")
@page
def ticket(request: HttpRequest, project: str, pk: int) -> HttpResponseBase:
    """Everything about one ticket that this person may know."""
    here, viewer = project_of(request), viewer_of(request)
    item = queries.item(here, viewer, pk)
    shown = shapes.ticket(item, viewer, here, reviews=True)
    for image in shown["images"]:
        image["objects"] = {name: image[name] for name in ("truth", "prediction")}
    labels = {code["code"]: code["label"] for code in reasons_of(here).codes}
    for one in shown["reviews"]:
        one["role_word"] = words.ROLES.get(one["role"], one["role"])
        one["reason_words"] = [labels.get(code, code) for code in one["reasons"]]
    events = _history(item, labels) if viewer.sees_all else []
    sure = item.state in SETTLED and item.state != State.DECIDED and item.kind != Kind.GOLD
    context = {
        "ticket": shown, "events": events, "checklist": checklist_of(here, item),
        "why_sentence": words.KIND_SENTENCES.get(shown["kind"] or "", ""),
        "kind_word": words.KINDS.get(shown["kind"] or "", ""),
        "final": item.state in FINAL,
        "late": item.settled is None and item.due < timezone.now(),
        "can_gold": sure and "reviews.gold" in viewer.rights
        and item.outcome in (Decision.PASS, Decision.FAIL, Decision.BROKEN),
        "acts": item.state not in FINAL and item.kind != Kind.GOLD,
        "assignable": _assignable(here, viewer),
        "data": _data(here, ItemFilter(ticket=(str(item.pk),))),
    }  # fmt: skip
    return render(request, "reviews/ticket.html", context)


def _history(item: ReviewItem, labels: dict[str, str]) -> list[dict[str, Any]]:
    """The ticket's events, newest first, with words for what happened."""
    return [
        {
            "event": e,
            "word": words.ACTIONS.get(e.action, e.action),
            "seconds": e.duration_ms / 1000,
            "decision": str(e.detail.get("decision", "")),
            "reasons": ", ".join(str(labels.get(r, r)) for r in e.reason.split(", ") if r),
        }
        for e in queries.events_of(item).order_by("-number")
    ]


def _bars(speed: dict[str, Any]) -> list[dict[str, Any]]:
    """Throughput as two histograms; what stands below a bar is its hour or day."""
    hours = [
        (f"{row['at']:%Y-%m-%d %H:00}", row["n"], _tick(row["at"].hour, 6))
        for row in speed["hours"]
    ]
    days = [(f"{row['at']:%Y-%m-%d}", row["n"], f"{row['at']:%d}") for row in speed["days"]]
    return [
        {"title": _("Decisions by hour (UTC)"), "n": speed["last_day"], "bars": histogram(hours)},
        {"title": _("Decisions by day (UTC)"), "n": speed["two_weeks"], "bars": histogram(days)},
    ]


def _tick(number: int, every: int) -> str:
    return str(number) if number % every == 0 else ""


def _with_view(wanted: ItemFilter, view: str) -> ItemFilter:
    """The filter of the address and the view together; a state that is asked for wins."""
    if view == "all" or wanted.state:
        return wanted
    if view == "settled":
        return replace(wanted, state=tuple(sorted(FINAL)))
    if view == "conflict":
        return replace(wanted, state=(State.CONFLICT,))
    if view == "late":
        return replace(wanted, late=True)
    if view == "unassigned":
        wanted = replace(wanted, assigned="nobody")
    return replace(wanted, state=overview.OPEN)


def _asked(wanted: ItemFilter) -> dict[str, str]:
    """The filter as the form shows it: the first value of each field."""
    return {
        name: str(value[0]) if isinstance(value, tuple) else str(value)
        for name, value in wanted.to_json().items()
    }


def _row(item: ReviewItem, viewer: queries.Viewer) -> dict[str, Any]:
    row = shapes.line(item, viewer)
    return {**row, "kind_word": words.KINDS.get(row["kind"] or "", "")}


def _assignable(here: Project, viewer: queries.Viewer) -> dict[str, list[str]]:
    """Whom tickets can be assigned to: people who may decide, and groups."""
    if "reviews.assign" not in viewer.rights:
        return {"people": [], "groups": []}
    roles = RIGHTS["reviews.decide"].roles
    people = Membership.objects.filter(project=here, role__in=roles, user__is_active=True)
    return {
        "people": sorted(people.values_list("user__username", flat=True)),
        "groups": list(ReviewerGroup.objects.filter(project=here).values_list("name", flat=True)),
    }


def _saved(here: Project, viewer: queries.Viewer) -> list[dict[str, Any]]:
    """The person's own views, each as an address that can be passed on."""
    path = reverse("reviews:queue", args=[here.slug])
    rows = own.views_of(viewer.user, here)
    return [
        {"id": view.pk, "name": view.name, "url": f"{path}?{view.query}", "query": view.query}
        for view in rows
    ]


def _exports(here: Project, viewer: queries.Viewer) -> list[Export]:
    if "reviews.export" not in viewer.rights:
        return []
    return list(Export.objects.filter(project=here)[:EXPORTS_SHOWN])


def _data(here: Project, wanted: ItemFilter) -> dict[str, Any]:
    return {
        "api": f"/api/v1/projects/{here.slug}/review/",
        "filter": wanted.to_json(),
        "words": words.script_words(),
    }
