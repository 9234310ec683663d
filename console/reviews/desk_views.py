"""The desk: one ticket on the screen, decided by keyboard."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language

from console.accounts.access import requires
from console.accounts.models import Project
from console.reviews import overview, own, queries, words
from console.reviews.blindness import viewer_of
from console.reviews.checklist import seen_checklist
from console.reviews.filters import CLAIM_NAMES, filter_of_query
from console.reviews.keys import KEYS, key_caps, remapped
from console.reviews.leases import HARD, HEARTBEAT_S
from console.reviews.policy import reasons_of
from console.reviews.states import Kind
from console.web.pages import page, project_of

PREFETCH = 3
"""tickets that wait behind the one on the screen"""
MOST_UNSENT = 20
IDLE_S = 180


@requires(get="reviews.view")
@page
def review(request: HttpRequest, project: str) -> HttpResponseBase:
    """The way in: reviewers to the desk, everybody else to the queue."""
    rights = vars(request)["rights"]
    to_desk = "reviews.decide" in rights and "reviews.assign" not in rights
    return redirect("reviews:desk" if to_desk else "reviews:queue", project)


@requires(get="reviews.decide")
@page
def desk(request: HttpRequest, project: str) -> HttpResponseBase:
    """The next tickets of this person, one at a time."""
    return _desk(request, "review")


@requires(get="reviews.adjudicate")
@page
def adjudicate(request: HttpRequest, project: str) -> HttpResponseBase:
    """The same for tickets whose reviews do not settle them."""
    return _desk(request, "adjudication")


@requires(get="reviews.view")
@page
def checklist(request: HttpRequest, project: str, pk: int) -> HttpResponseBase:
    """What the ticket has to meet, as JSON for the desk."""
    here, viewer = project_of(request), viewer_of(request)
    return JsonResponse(seen_checklist(here, queries.item(here, viewer, pk), viewer.user))


def _desk(request: HttpRequest, queue: str) -> HttpResponseBase:
    here = project_of(request)
    wanted = filter_of_query(request.GET)
    narrowed = {k: list(v) if isinstance(v, tuple) else v for k, v in wanted.to_json().items()}
    narrowed = {k: v for k, v in narrowed.items() if k in CLAIM_NAMES}
    settings = own.desk_of(request.user)  # type: ignore[arg-type]
    context = {
        "queue": queue,
        "adjudicating": queue == "adjudication",
        "cap": key_caps(remapped(settings.keys)),
        "break_minutes": settings.break_minutes,
        "break_offer": settings.break_minutes or own.BREAK_MINUTES,
        "longest_break": own.LONGEST_BREAK,
        "keys": KEYS,
        "filter": narrowed,
        "missions": overview.missions(here),
        "prefetch": PREFETCH,
        "kinds": [(k, words.KINDS[k]) for k in Kind if k != Kind.GOLD],
        "data": {
            **_data(request, here, queue, narrowed),
            "own_keys": settings.keys,
            "break_minutes": settings.break_minutes,
        },
    }
    return render(request, "reviews/desk.html", context)


def _data(
    request: HttpRequest, here: Project, queue: str, narrowed: dict[str, Any]
) -> dict[str, Any]:
    """What the desk's scripts know from the start."""
    home = reverse("reviews:review", args=[here.slug])
    return {
        "user": request.user.pk,
        "project": here.slug,
        "queue": queue,
        "filter": narrowed,
        "api": f"/api/v1/projects/{here.slug}/review/",
        "pages": home,
        "settings": reverse("api:desk_settings"),
        "yours": reverse("guidance:yours", args=[here.slug]),
        "reasons": _reasons(here),
        "words": words.script_words(),
        "prefetch": PREFETCH,
        "most_unsent": MOST_UNSENT,
        "idle_s": IDLE_S,
        "heartbeat_s": HEARTBEAT_S,
        "lease_s": int(HARD.total_seconds()),
        "keys": [
            {"act": k.act, "keys": list(k.keys), "title": str(k.title), "fixed": k.fixed}
            for k in KEYS
        ],
    }


def _reasons(here: Project) -> list[dict[str, Any]]:
    chinese = (get_language() or "").startswith("zh")
    return [
        {
            "code": code["code"],
            "for": code["for"],
            "label": (chinese and code.get("label_zh")) or code["label"],
        }
        for code in reasons_of(here).codes
    ]
