"""Pages of configs: list, editor with checks as one types, versions, difference."""
from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.pagination import keyset_page
from console.api.problems import ApiProblem
from console.catalog import configs as services
from console.catalog import queries
from console.catalog.models import ConfigVersion
from console.web.pages import page, pager, project_of
from mlcore.errors import ConfigError, Problem
from mlcore.kinds import KINDS

NEW_TEXT = "kind: \nname: \n"


@requires(get="configs.view")
@page
def configs(request: HttpRequest, project: str) -> HttpResponseBase:
    kind = request.GET.get("kind", "")
    archived = request.GET.get("archived") == "1"
    found = queries.configs(project_of(request), kind=kind, archived=archived)
    rows = keyset_page(found, cursor=request.GET.get("cursor", ""))
    context = {
        "configs": rows.items, "kinds": list(KINDS), "kind": kind, "archived": archived,
        **pager(request, rows.next_cursor),
    }
    return render(request, "catalog/configs.html", context)


@requires(get="configs.edit", post="configs.edit")
@page
def new(request: HttpRequest, project: str) -> HttpResponseBase:
    """The editor on an empty text, or on the text of another config's version."""
    if request.method == "POST":
        return _save(request, project, request.POST.get("name", "").strip(), 0)
    return render(request, "catalog/config_edit.html", {"text": NEW_TEXT, "is_new": True})


@requires(get="configs.view", post="configs.edit")
@page
def config(request: HttpRequest, project: str, name: str) -> HttpResponseBase:
    """The editor on a version, its history beside it."""
    if request.method == "POST":
        latest = request.POST.get("latest", "")
        return _save(request, project, name, int(latest) if latest.isdigit() else None)
    version = queries.config_version(project_of(request), name, _number(request, "v"))
    context = {
        "version": version, "name": name, "text": version.text,
        "latest": version.config.latest, "versions": queries.config_versions(version.config),
    }
    return render(request, "catalog/config_edit.html", context)


@requires(get="configs.view")
@page
def diff(request: HttpRequest, project: str, name: str) -> HttpResponseBase:
    """Two versions side by side; the newest against the one before it by default."""
    here = project_of(request)
    new_version = queries.config_version(here, name, _number(request, "to"))
    from_number = _number(request, "from") or max(1, new_version.number - 1)
    old_version = queries.config_version(here, name, from_number)
    rows = services.diff_rows(old_version.text, new_version.text)
    context = {
        "name": name, "old": old_version, "new": new_version, "rows": rows,
        "changed": sum(row.tag != "same" for row in rows),
        "versions": queries.config_versions(new_version.config),
    }
    return render(request, "catalog/config_diff.html", context)


@requires(post="configs.view")
@page
def check(request: HttpRequest, project: str) -> HttpResponseBase:
    """What is wrong with a text, for the editor; the same check as the API's."""
    checked = services.check_text(_posted_text(request))
    return JsonResponse({"problems": [problem_row(p) for p in checked.problems]})


@requires(post="configs.edit")
@page
def archive(request: HttpRequest, project: str, name: str) -> HttpResponseBase:
    found = queries.config_named(project_of(request), name)
    services.set_archived(Actor.of_request(request), found, archived=not found.archived)
    text = _("The config is archived.") if found.archived else _("The config is back in the list.")
    messages.success(request, text)
    return redirect("catalog:configs", project)


def problem_row(problem: Problem) -> dict[str, Any]:
    """A problem as the editor shows it."""
    return {
        "line": problem.line, "column": problem.column, "path": problem.path,
        "message": problem.message,
    }


def _save(
    request: HttpRequest, project: str, name: str, latest: int | None
) -> HttpResponseBase:
    text, message = request.POST.get("text", ""), request.POST.get("message", "")
    problem = ""
    problems: list[dict[str, Any]] = []
    try:
        version = services.save_version(
            Actor.of_request(request), project_of(request), name, text, message,
            expected_latest=latest,
        )
    except ConfigError as error:
        problem = _("The config was not saved: it has problems.")
        problems = [problem_row(p) for p in error.problems]
    except ApiProblem as error:
        problem = error.message
    else:
        return _saved(request, project, version)
    context = {
        "text": text, "name": name, "message": message, "problem": problem, "problems": problems,
        "is_new": latest == 0, "latest": latest,
    }
    return render(request, "catalog/config_edit.html", context, status=422)


def _saved(request: HttpRequest, project: str, version: ConfigVersion) -> HttpResponseBase:
    number = {"name": version.config.name, "n": version.number}
    messages.success(request, _("%(name)s is saved as version %(n)d.") % number)
    if request.POST.get("then") == "launch":
        response = redirect("runs:launch", project)
        response["Location"] += f"?config={version.config.name}"
        return response
    return redirect("catalog:config", project, version.config.name)


def _posted_text(request: HttpRequest) -> str:
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise ApiProblem(400, "bad_json", _("The request is not JSON.")) from error
    text = body.get("text") if isinstance(body, dict) else None
    if not isinstance(text, str) or len(text) > services.MAX_TEXT:
        raise ApiProblem(422, "invalid", _("The request holds no text."))
    return text


def _number(request: HttpRequest, key: str) -> int | None:
    text = request.GET.get(key, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None
