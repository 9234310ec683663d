"""Pages of no app: the palette's search."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.models import Project
from console.catalog.queries import names_like
from console.reviews import queries as review_queries
from console.reviews import shapes
from console.reviews.filters import ItemFilter
from console.reviews.queries import Viewer
from console.runs import page_reads
from console.web import states
from console.web.context import PLACES
from console.web.pages import page, project_of
from mlcore.kinds import KINDS

MOST = 6


@requires(get="project.view")
@page
def search(request: HttpRequest, project: str) -> HttpResponseBase:
    """What the palette offers for a text: places, acts and objects of the project."""
    here = project_of(request)
    text = request.GET.get("q", "").strip()[:80]
    groups = [
        {"title": _("Runs"), "items": [
            {"icon": states.look_of(r["state"]).icon, "title": r["name"], "note": r["uid"],
             "url": reverse("runs:run", args=[project, r["uid"]])}
            for r in page_reads.found(here, text, MOST)
        ]},
        _objects(_("Datasets"), "datasets", project, names_like(here, "dataset", text, MOST)),
        _objects(_("Models"), "models", project, names_like(here, "model", text, MOST)),
        _objects(_("Configs"), "configs", project, names_like(here, "config", text, MOST)),
        {"title": _("Tickets"), "items": _tickets(request, here, text)},
        {"title": _("Go to"), "items": _places(project, text) + _review_places(request, text)},
        {"title": _("Launch"), "items": _launches(project, text)},
    ]  # fmt: skip
    if not text:
        groups = [groups[5], groups[6], groups[0]]
    return JsonResponse({"groups": [g for g in groups if g["items"]]})


def _objects(title: str, icon: str, project: str, names: list[str]) -> dict[str, Any]:
    route = f"catalog:{icon.removesuffix('s')}"
    items = [{"icon": icon, "title": n, "url": reverse(route, args=[project, n])} for n in names]
    return {"title": title, "items": items}


def _places(project: str, text: str) -> list[dict[str, Any]]:
    home = reverse("runs:home", args=[project])
    return [
        {"icon": p.icon, "title": str(p.title), "url": home + p.path, "note": f"g {p.key}"}
        for p in PLACES
        if text.lower() in f"{p.title} {p.name}".lower()
    ]


def _tickets(request: HttpRequest, here: Project, text: str) -> list[dict[str, Any]]:
    rights = vars(request)["rights"]
    if not text or "reviews.view" not in rights:
        return []
    viewer = Viewer(request.user, rights)  # type: ignore[arg-type]
    rows = review_queries.lines(here, viewer, ItemFilter(q=text)).order_by("-id")[:MOST]
    shown = [shapes.line(item, viewer) for item in rows]
    return [
        {"icon": "review", "title": row["ticket_key"], "note": row["mission"],
         "url": reverse("reviews:ticket", args=[here.slug, row["id"]])}
        for row in shown
    ]


def _review_places(request: HttpRequest, text: str) -> list[dict[str, Any]]:
    """The parts of the review place that this person may open."""
    rights = vars(request)["rights"]
    places = (
        ("desk", _("Review the next ticket"), "reviews.decide"),
        ("adjudicate", _("Adjudicate conflicts"), "reviews.adjudicate"),
        ("queue", _("Review queue"), "reviews.view"),
        ("quality", _("Review quality: agreement, checks, throughput"), "reviews.audit"),
    )
    slug = project_of(request).slug
    return [
        {"icon": "review", "title": title, "url": reverse(f"reviews:{name}", args=[slug])}
        for name, title, right in places
        if right in rights and text and text.lower() in f"{title} review {name}".lower()
    ]


def _launches(project: str, text: str) -> list[dict[str, Any]]:
    path = reverse("runs:launch", args=[project])
    return [
        {"icon": "launch", "title": str(states.KIND_TITLES.get(name, name)), "note": name,
         "url": f"{path}?kind={name}"}
        for name in KINDS
        if text.lower() in f"{states.KIND_TITLES.get(name, name)} {name} launch".lower()
    ]  # fmt: skip
