"""Pages of verdicts: figures over time with the operating point, and flips between two runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.pagination import place_page
from console.api.problems import ApiProblem
from console.catalog.media import preview_response
from console.reviews.blindness import hidden_rows
from console.reviews.models import ReviewItem
from console.runs import queries as runs
from console.verdicts import boards, operating, people, queries, services
from console.verdicts.models import VerdictSet
from console.web.pages import link, page, pager, project_of

PAGE_SIZE = 50
ASSUMED_SECONDS = 30.0
"""what the form begins with where nothing was measured; the page calls it an assumption"""


@requires(get="runs.view", post="verdicts.decide")
@page
def board(request: HttpRequest, project: str) -> HttpResponseBase:
    """A mission's figures over time; POST saves an operating point."""
    here = project_of(request)
    missions = queries.missions(here)
    mission = request.GET.get("mission", "") or (missions[0] if missions else "")
    sets = queries.sets_of(here, mission)
    if not sets:
        if request.GET.get("mission") and mission not in missions:
            raise Http404
        return render(request, "verdicts/board.html", {"missions": missions, "rows": []})
    if request.method == "POST":
        return _save(request, here, sets)
    behind = people.refresh(here, sets)
    rows = [boards.row_of(one) for one in sets]
    context = {
        "missions": missions,
        "mission": mission,
        "rows": rows[::-1],
        "newest": rows[-1],
        "series": boards.series(rows),
        "churn": boards.churn(here, mission),
        "alarms": boards.alarm_rows(sets[-1]),
        "behind": behind,
        **_operating(request, here, sets),
        "has_settled": ReviewItem.objects.filter(
            project=here, mission=mission, outcome__in=["pass", "fail"]
        ).exists(),
    }
    return render(request, "verdicts/board.html", context)


@requires(get="runs.view")
@page
def flip_list(request: HttpRequest, project: str) -> HttpResponseBase:
    """A candidate run against the released one on the same tickets."""
    here = project_of(request)
    missions = queries.missions(here)
    mission = request.GET.get("mission", "") or (missions[0] if missions else "")
    sets = queries.sets_of(here, mission)
    released, candidate = _pair(sets, request.GET)
    context: dict[str, Any] = {
        "missions": missions,
        "mission": mission,
        "sets": sets[::-1],
        "released": released,
        "candidate": candidate,
        "which": request.GET.get("which", ""),
        "decided": request.GET.get("decided", "") == "1",
    }
    if released is not None and candidate is not None and released.pk != candidate.pk:
        context |= _flips(request, here, released, candidate)
    return render(request, "verdicts/flips.html", context)


@requires(get="runs.view")
@page
def image(request: HttpRequest, project: str, uid: str, key: int, number: int) -> HttpResponseBase:
    """A ticket's image as a thumbnail; `number` from 1."""
    run = runs.run_of(project_of(request), uid)
    verdicts = VerdictSet.objects.filter(run=run).order_by("-id").first()
    if verdicts is None:
        raise Http404
    images = queries.ticket(verdicts, key).detail.get("images", [])
    if not 1 <= number <= len(images) or not images[number - 1]["sha256"]:
        raise Http404
    size = 640 if request.GET.get("size") == "640" else 160
    return preview_response(request, images[number - 1]["sha256"], size)


def _operating(request: HttpRequest, here: Project, sets: Sequence[VerdictSet]) -> dict[str, Any]:
    """The curve of a run, the point that is asked for, and what it costs people."""
    chosen = queries.set_named(sets, request.GET.get("run", "")) or sets[-1]
    curve = operating.curve(queries.votes(chosen))
    measured, n = queries.seconds_per_decision(here, chosen.mission)
    seconds = _float(request.GET.get("seconds"), measured or ASSUMED_SECONDS)
    saved = list(queries.points(here, chosen.mission)[:8])
    start = saved[0].threshold if saved else curve[0].threshold
    threshold = _float(request.GET.get("threshold"), start)
    place = next(
        (i for i, p in enumerate(curve) if p.threshold >= threshold - 1e-9), len(curve) - 1
    )
    return {
        "judged": chosen,
        "seconds": seconds,
        "measured": measured,
        "measured_n": n,
        "least_reviews": queries.LEAST_REVIEWS,
        "points": saved,
        "place": place,
        "point": curve[place],
        "last_place": len(curve) - 1,
        "hours": operating.hours(curve[place].review, seconds),
        "curve": [{"point": p, "hours": operating.hours(p.review, seconds)} for p in curve],
        "curve_json": [p.to_json() for p in curve],
        "above_all": operating.ABOVE_ALL,
    }


def _save(request: HttpRequest, here: Project, sets: Sequence[VerdictSet]) -> HttpResponseBase:
    chosen = queries.set_named(sets, request.POST.get("run", ""))
    if chosen is None:
        raise Http404
    threshold = _float(request.POST.get("threshold"), -1.0)
    given = request.POST.get("seconds_are", "") != "measured"
    seconds = _float(request.POST.get("seconds"), -1.0) if given else None
    try:
        point = services.save_point(
            Actor.of_request(request),
            here,
            chosen,
            services.Chosen(threshold, seconds, request.POST.get("message", "")),
        )
    except ApiProblem as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, _("Operating point %(n)s is saved.") % {"n": point.number})
    return redirect(request.get_full_path())


def _pair(
    sets: Sequence[VerdictSet], query: Mapping[str, Any]
) -> tuple[VerdictSet | None, VerdictSet | None]:
    """The asked runs; by default the pinned one, else the oldest, against the newest other one."""
    pinned = [one for one in sets if one.run.pinned]
    released = queries.set_named(sets, str(query.get("released", "")))
    released = released or next(iter([*pinned, *sets]), None)
    candidate = queries.set_named(sets, str(query.get("candidate", "")))
    others = [one for one in sets if released is None or one.pk != released.pk]
    return released, candidate or (others[-1] if others else None)


def _flips(
    request: HttpRequest, here: Project, released: VerdictSet, candidate: VerdictSet
) -> dict[str, Any]:
    hidden = hidden_rows(request, here)
    found, items = queries.flips_of(
        here, released, candidate, hidden, decided_only=request.GET.get("decided", "") == "1"
    )
    which = request.GET.get("which", "")
    shown = [f for f in found.flips if not which or f.direction == which]
    cursor = request.GET.get("cursor", "")
    places, following = place_page(range(len(shown)), cursor, PAGE_SIZE)
    rows = [
        {
            "flip": shown[i],
            "desk": reverse("reviews:ticket", args=[here.slug, items[shown[i].ticket_key].pk])
            if shown[i].ticket_key in items
            else "",
            "url": reverse("runs:run", args=[here.slug, candidate.run.uid])
            + f"?tab=tickets&ticket={shown[i].pk}",
        }
        for i in places
    ]
    return {
        "kept_back": queries.tickets_among(candidate, hidden),
        "found": found,
        "rows": rows,
        "n_shown": len(shown),
        **pager(request, following),
        "rates": boards.rate_rows(found.figures),
        "p": found.figures["p"],
        "links": {name: link(request, which=name, cursor=None) for name in ("", "to", "away")},
    }


def _float(text: str | None, otherwise: float) -> float:
    try:
        value = float(text or "")
    except ValueError:
        return otherwise
    return value if 0 <= value <= 1e6 else otherwise
