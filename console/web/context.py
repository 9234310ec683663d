"""What every page's frame needs: the project, the places one may go, theme and words."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from console.accounts.models import Project, User
from console.web.strings import script_strings

THEMES = ("auto", "light", "dark")


@dataclass(frozen=True)
class Place:
    """One entry of the side bar; `g` then `key` goes there."""

    name: str
    icon: str
    title: str | Promise
    path: str
    key: str


PLACES = (
    Place("home", "home", _("Home"), "", "h"),
    Place("runs", "runs", _("Runs"), "runs/", "r"),
    Place("datasets", "datasets", _("Datasets"), "datasets/", "d"),
    Place("configs", "configs", _("Configs"), "configs/", "c"),
    Place("models", "models", _("Models"), "models/", "m"),
    Place("review", "review", pgettext_lazy("place", "Review"), "review/", "v"),
    Place("verdicts", "metric", _("Verdicts"), "verdicts/", "e"),
    Place("guidance", "train", _("Guidance"), "guidance/", "i"),
    Place("gates", "gates", _("Gates"), "gates/", "t"),
    Place("fleet", "fleet", _("Fleet"), "fleet/", "f"),
    Place("settings", "settings", _("Settings"), "settings/", "s"),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Template variables of the frame; projects are read only when a page shows them.

    `project`, `rights` and `role` are what the access check put on the request.
    """
    theme = request.COOKIES.get("theme", "auto")
    return {
        "theme": theme if theme in THEMES else "auto",
        "places": PLACES,
        "place": _place_of(request.path),
        "project": vars(request).get("project"),
        "rights": vars(request).get("rights", frozenset()),
        "role": vars(request).get("role", ""),
        "frame_projects": SimpleLazyObject(lambda: projects_of(request)),
        "script_strings": script_strings,
    }


def projects_of(request: HttpRequest) -> list[Project]:
    """The projects that the person may open."""
    user = request.user
    if not isinstance(user, User):
        return []
    if user.is_superuser:
        return list(Project.objects.all())
    return list(Project.objects.filter(memberships__user=user))


def _place_of(path: str) -> str:
    parts = path.strip("/").split("/")
    if len(parts) < 2 or parts[0] != "p":
        return ""
    name = parts[2] if len(parts) > 2 else "home"
    return {"new-config": "configs", "import": "datasets", "mixture": "datasets"}.get(name, name)
