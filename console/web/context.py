"""What every page's frame needs: the project, the places one may go, theme and words."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from console.web.strings import script_strings

THEMES = ("auto", "light", "dark")


@dataclass(frozen=True)
class Place:
    """One entry of the side bar. `key` goes with `g` as a keyboard shortcut."""

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
    Place("gates", "gates", _("Gates"), "gates/", "t"),
    Place("fleet", "fleet", _("Fleet"), "fleet/", "f"),
    Place("settings", "settings", _("Settings"), "settings/", "s"),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Template variables of the frame; names and projects are read only when a page shows them."""
    theme = request.COOKIES.get("theme", "auto")
    return {
        "theme": theme if theme in THEMES else "auto",
        "places": PLACES,
        "place": _place_of(request.path),
        "script_strings": SimpleLazyObject(script_strings),
        "sign_in_url": "/sign-in/",
    }


def _place_of(path: str) -> str:
    """The side bar entry that a path belongs to, empty outside a project."""
    parts = path.strip("/").split("/")
    if len(parts) < 2 or parts[0] != "p":
        return ""
    return parts[2] if len(parts) > 2 else "home"


def project_path(project_slug: str, rest: str = "") -> str:
    """The path of a page of a project."""
    return f"{reverse('root')}p/{project_slug}/{rest}"
