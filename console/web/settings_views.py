"""Pages of settings: the project, people and roles, tokens, hosts, audit log, projects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from console.accounts import queries, services
from console.accounts import tokens as token_services
from console.accounts.access import requires
from console.accounts.audit import Actor
from console.accounts.models import ApiToken, HostToken, Membership, User
from console.accounts.roles import SIGNED_IN, Role, Scope
from console.api.pagination import keyset_page
from console.api.problems import ApiProblem
from console.web.pages import page, pager, project_of

EXPIRY_DAYS = (30, 90, 365)


def _shown(request: HttpRequest, part: str, context: dict[str, Any]) -> HttpResponseBase:
    rights = vars(request)["rights"]
    parts = [
        ("settings", "project", _("Project"), True),
        ("people", "people", _("People"), "members.view" in rights),
        ("tokens", "key", _("API tokens"), True),
        ("hosts", "host", _("Host tokens"), "site.manage" in rights),
        ("audit", "audit", _("Audit log"), "audit.view" in rights),
        ("projects", "flag", _("Projects"), "site.manage" in rights),
    ]
    nav = [{"route": f"web:{n}", "name": n, "icon": i, "title": t} for n, i, t, ok in parts if ok]
    return render(request, f"web/settings/{part}.html", {"parts": nav, "part": part, **context})


def _attempt(request: HttpRequest, act: Callable[[], str]) -> bool:
    """Do a write; its sentence or its refusal becomes the flash message. True when it was done."""
    try:
        messages.success(request, act())
    except ApiProblem as problem:
        messages.error(request, problem.message)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        return True
    return False


@requires(get="project.view", post="project.edit")
@page
def settings(request: HttpRequest, project: str) -> HttpResponseBase:
    here = project_of(request)
    if request.method == "POST":
        changes = {key: request.POST.get(key, "").strip() for key in ("name", "description")}

        def edit() -> str:
            services.edit_project(Actor.of_request(request), here, changes)
            return _("The project is saved.")

        _attempt(request, edit)
        return redirect("web:settings", project)
    return _shown(request, "settings", {"counted": here.memberships.count()})


@requires(get="members.view", post="members.manage")
@page
def people(request: HttpRequest, project: str) -> HttpResponseBase:
    """Members and roles. A person new to the console gets a one-time password, shown once."""
    here = project_of(request)
    password, name = "", ""
    if request.method == "POST":
        name = request.POST.get("username", "").strip().lower()
        password = _change_people(request, name)
        if not password:
            return redirect("web:people", project)
    context = {
        "members": queries.members(here),
        "roles": Role.choices,
        "password": password,
        "new_name": name,
    }
    return _shown(request, "people", context)


def _change_people(request: HttpRequest, name: str) -> str:
    """Returns the one-time password of a person who was made, else nothing."""
    here, actor = project_of(request), Actor.of_request(request)
    made: list[str] = []

    def change() -> str:
        what = request.POST.get("what", "")
        if what == "remove":
            member = get_object_or_404(Membership, project=here, user__username=name)
            services.remove_member(actor, member)
            return _("%(name)s is no longer a member.") % {"name": name}
        role = request.POST.get("role", "")
        if role not in Role.values:
            raise ApiProblem(422, "invalid", _("There is no such role."))
        user = User.objects.filter(username=name).first()
        if user is None:
            if "site.manage" not in vars(request)["rights"]:
                raise ApiProblem(
                    422,
                    "invalid",
                    _("Nobody has this name. Only a site administrator can make an account."),
                )
            user, password = services.create_user(actor, name, request.POST.get("display", ""))
            made.append(password)
        services.set_role(actor, here, user, role)
        return _("%(name)s is now %(role)s.") % {"name": name, "role": Role(role).label}

    _attempt(request, change)
    return made[0] if made else ""


@requires(get=SIGNED_IN, post=SIGNED_IN)
@page
def tokens(request: HttpRequest, project: str) -> HttpResponseBase:
    """One's own API tokens; a new one is shown once."""
    assert isinstance(request.user, User)
    user, actor, secret = request.user, Actor.of_request(request), ""
    if request.method == "POST":
        if prefix := request.POST.get("revoke"):
            found = get_object_or_404(ApiToken, user=user, prefix=prefix)
            token_services.revoke(actor, found)
            messages.success(request, _("The token is revoked."))
            return redirect("web:tokens", project)
        made: list[str] = []

        def make() -> str:
            days = request.POST.get("days", "")
            expires = timezone.now() + timedelta(days=int(days)) if days.isdigit() else None
            scope = request.POST.get("scope", "")
            name = request.POST.get("name", "").strip()
            if scope not in Scope.values:
                raise ApiProblem(422, "invalid", _("There is no such scope."))
            made.append(token_services.make_api_token(actor, user, name, scope, expires)[1])
            return _("The token is made.")

        _attempt(request, make)
        secret = made[0] if made else ""
    context = {
        "tokens": queries.tokens_of(user),
        "scopes": Scope.choices,
        "secret": secret,
        "days": EXPIRY_DAYS,
    }
    return _shown(request, "tokens", context)


@requires(get="site.manage", post="site.manage")
@page
def hosts(request: HttpRequest, project: str) -> HttpResponseBase:
    """Host tokens; a new one is shown once."""
    actor, secret = Actor.of_request(request), ""
    if request.method == "POST":
        if prefix := request.POST.get("revoke"):
            token_services.revoke(actor, get_object_or_404(HostToken, prefix=prefix))
            messages.success(request, _("The token is revoked."))
            return redirect("web:hosts", project)
        made: list[str] = []

        def make() -> str:
            name = request.POST.get("name", "").strip()
            made.append(token_services.make_host_token(actor, name)[1])
            return _("The token is made.")

        _attempt(request, make)
        secret = made[0] if made else ""
    context = {
        "tokens": queries.host_tokens(),
        "secret": secret,
        "url": request.build_absolute_uri("/"),
    }
    return _shown(request, "hosts", context)


@requires(get="audit.view")
@page
def audit_log(request: HttpRequest, project: str) -> HttpResponseBase:
    """Who did what, newest first, searched by actor, act or object."""
    text = request.GET.get("q", "").strip()
    found = queries.audit_of(project_of(request))
    if text:
        found = found.filter(
            Q(actor__icontains=text) | Q(action__icontains=text) | Q(object__icontains=text)
        )
    rows = keyset_page(found, cursor=request.GET.get("cursor", ""))
    return _shown(
        request, "audit", {"entries": rows.items, "q": text, **pager(request, rows.next_cursor)}
    )


@requires(get="site.manage", post="site.manage")
@page
def projects(request: HttpRequest, project: str) -> HttpResponseBase:
    """Every project; making one makes its maker its admin."""
    if request.method == "POST":
        slug = request.POST.get("slug", "").strip()

        def make() -> str:
            made = services.create_project(
                Actor.of_request(request), slug, request.POST.get("name", "").strip()
            )
            return _("The project %(name)s is made.") % {"name": made.name}

        done = _attempt(request, make)
        return redirect("runs:home", slug) if done else redirect("web:projects", project)
    assert isinstance(request.user, User)
    return _shown(request, "projects", {"projects": queries.visible_projects(request.user)})
