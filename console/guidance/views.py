"""Pages of guidance: what a mission's model is told and why, history, promotion, revert."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.accounts.models import Project, User
from console.api.problems import ApiProblem
from console.guidance import decisions, page_rows, queries, reading, services
from console.guidance import yours as yours_of
from console.guidance.effects import Effects
from console.guidance.models import GuidanceVersion, Suggestion
from console.guidance.reflections import reflections_of
from console.reviews.blindness import hidden_rows, without_labels
from console.runs import queries as runs
from console.web.pages import page, project_of

NEW_ROWS = 3
"""empty rows of the editor for new rules"""
LONGEST_UPLOAD = reading.LONGEST


@requires(get="guidance.view", post="guidance.edit")
@page
def index(request: HttpRequest, project: str) -> HttpResponseBase:
    """Missions with the version in force; POST imports a guidance file."""
    here = project_of(request)
    problem, status = "", 200
    if request.method == "POST":
        mission = request.POST.get("mission", "").strip()
        try:
            version = services.import_text(
                Actor.of_request(request),
                here,
                mission,
                _posted_file(request),
                request.POST.get("message", ""),
            )
        except ApiProblem as error:
            problem, status = error.message, error.status_code
        else:
            messages.success(request, _("%(ref)s is in force.") % {"ref": version.ref})
            return redirect("guidance:mission", project, version.guidance.mission)
    rows = queries.current_versions(here).order_by("guidance__mission")
    lines = [
        {
            **page_rows.history_row(v),
            "mission": v.guidance.mission,
            "rules": len(v.entry["experiences"]),
        }
        for v in rows
    ]
    context = {"lines": lines, "problem": problem, "posted": request.POST}
    return render(request, "guidance/index.html", context, status=status)


@requires(get="guidance.view")
@page
def mission(request: HttpRequest, project: str, mission: str) -> HttpResponseBase:
    """One version, the one in force by default: every rule with evidence and effect."""
    here = project_of(request)
    version = queries.version(here, mission, _number(request, "v"))
    line = version.guidance
    context = {
        "version": version,
        "mission": mission,
        "latest": line.latest,
        "rules": page_rows.rule_rows(version),
        "head": page_rows.history_row(version),
        "history": [page_rows.history_row(v) for v in queries.versions(line)[:30]],
        "candidates": queries.candidates(here, mission),
        "suggestions": queries.suggestions(here, mission),
        "corrected": queries.corrected(here, mission)[:10],
        "tickets_url": page_rows.tickets_url(here.slug, version.run_uid),
        "steps": _steps(version),
        "reflections": _reflections(request, here, version.run_uid),
        "effect": Effects(here).of(version),
    }
    return render(request, "guidance/mission.html", context)


@requires(get="guidance.view")
@page
def diff(request: HttpRequest, project: str, mission: str) -> HttpResponseBase:
    """Two versions key by key, each change with the tickets behind it."""
    here = project_of(request)
    new = queries.version(here, mission, _number(request, "to"))
    asked = _number(request, "from")
    old = queries.version(here, mission, asked) if asked else new.parent
    before = queries.as_guidance(old) if old else None
    context = {
        "mission": mission,
        "old": old,
        "new": new,
        "head": page_rows.history_row(new),
        "changes": reading.changes(before, queries.as_guidance(new)),
        "tickets_url": page_rows.tickets_url(here.slug, new.run_uid),
        "versions": queries.versions(new.guidance)[:100],
    }
    return render(request, "guidance/diff.html", context)


@requires(get="guidance.edit", post="guidance.edit")
@page
def promote(request: HttpRequest, project: str, uid: str) -> HttpResponseBase:
    """What promoting a run's guidance would change; POST does it."""
    here = project_of(request)
    run = runs.run_of(here, uid)
    mission, output = services.promotable(here, run)
    now = queries.current_versions(here).filter(guidance__mission=mission).first()
    if request.method == "POST":
        expected = request.POST.get("expected", "")
        try:
            version = services.promote(
                Actor.of_request(request),
                here,
                run,
                request.POST.get("message", ""),
                int(expected) if expected.isdigit() else services.ANY,
            )
        except ApiProblem as error:
            messages.error(request, error.message)
            return redirect("guidance:promote", project, uid)
        messages.success(request, _("%(ref)s is in force.") % {"ref": version.ref})
        return redirect("guidance:mission", project, mission)
    after = reading.guidance_of(output, mission)
    context = {
        "run": run,
        "mission": mission,
        "now": now,
        "expected": now.number if now else 0,
        "changes": reading.changes(queries.as_guidance(now) if now else None, after),
        "steps": reading.steps_of(output),
        "reflections": _reflections(request, here, run.uid),
        "tickets_url": page_rows.tickets_url(here.slug, uid),
    }
    return render(request, "guidance/promote.html", context)


@requires(get="guidance.edit", post="guidance.edit")
@page
def edit(request: HttpRequest, project: str, mission: str) -> HttpResponseBase:
    """The texts as a form. The first POST shows what would change, the second saves it."""
    here = project_of(request)
    now = queries.version(here, mission)
    if request.method != "POST":
        draft = request.GET.get("draft", "")
        fresh = queries.suggestion(here, int(draft)) if draft.isdecimal() else None
        texts = dict(now.entry["experiences"])
        return _editor(request, now, texts, {"suggestion": fresh, "fresh": fresh})
    texts = _posted_texts(request)
    note = request.POST.get("message", "")
    expected, draft = request.POST.get("expected", ""), request.POST.get("draft", "")
    try:
        evidence = _evidence(here, now, texts, draft)
        after = services.edited(queries.as_guidance(now), texts, note, evidence)
        if request.POST.get("then") != "save":
            changes = reading.changes(queries.as_guidance(now), after)
            return _editor(request, now, texts, {"changes": changes, "previewed": True})
        version = services.edit(
            Actor.of_request(request),
            here,
            mission,
            texts,
            note,
            int(expected) if expected.isdigit() else services.ANY,
            evidence,
        )
    except ApiProblem as error:
        return _editor(request, now, texts, {"problem": error.message}, error.status_code)
    if draft.isdecimal():
        services.dismiss(
            Actor.of_request(request), queries.suggestion(here, int(draft)), Suggestion.State.TAKEN
        )
    messages.success(request, _("%(ref)s is in force.") % {"ref": version.ref})
    return redirect("guidance:mission", project, mission)


@requires(post="guidance.edit")
@page
def revert(request: HttpRequest, project: str, mission: str) -> HttpResponseBase:
    """An earlier version becomes the next one."""
    number = request.POST.get("number", "")
    if not number.isdecimal() or len(number) > 6:
        raise Http404
    try:
        version = services.revert(
            Actor.of_request(request), project_of(request), mission, int(number)
        )
    except ApiProblem as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("%(ref)s is in force.") % {"ref": version.ref})
    return redirect("guidance:mission", project, mission)


@requires(post="guidance.edit")
@page
def act(request: HttpRequest, project: str, mission: str, what: str) -> HttpResponseBase:
    """Gather drafts from decisions, put one aside, or make corrected records."""
    here, actor = project_of(request), Actor.of_request(request)
    try:
        if what == "gather":
            n = decisions.gather(actor, here, mission)
            messages.success(request, _("%(n)s drafts are open.") % {"n": n})
        elif what == "dismiss":
            pk = request.POST.get("draft", "")
            if not pk.isdecimal():
                raise Http404
            services.dismiss(actor, queries.suggestion(here, int(pk)), Suggestion.State.DISMISSED)
        elif what == "correct":
            run = runs.run_of(here, request.POST.get("run", ""))
            made = decisions.correct(actor, here, run)
            messages.success(
                request,
                _("%(ref)s holds %(n)s corrected labels.") % {"ref": made.ref, "n": made.corrected},
            )
        else:
            raise Http404
    except ApiProblem as error:
        messages.error(request, error.message)
    return redirect("guidance:mission", project, mission)


@requires(get="reviews.view")
@page
def yours(request: HttpRequest, project: str) -> HttpResponseBase:
    """What the decisions of the person who asks have changed."""
    assert isinstance(request.user, User)
    here = project_of(request)
    hidden = frozenset(hidden_rows(request, here))
    return render(request, "guidance/yours.html", yours_of.changed_by(request.user, here, hidden))


def _editor(
    request: HttpRequest, now: Any, texts: dict[str, str], more: dict[str, Any], status: int = 200
) -> HttpResponseBase:
    rows = [{"key": key, "text": texts[key]} for key in reading.ordered(list(texts))]
    taken = [int(key[1:]) for key in texts if key[0] == "G"]
    free = [n for n in range(1, len(taken) + NEW_ROWS + 2) if n not in taken][:NEW_ROWS]
    blank = [{"key": f"G{n}", "text": ""} for n in free]
    if more.get("fresh"):
        blank[0]["text"] = more["fresh"].text
    context = {
        "version": now,
        "mission": now.guidance.mission,
        "rows": [*rows, *blank],
        "message": request.POST.get("message", ""),
        "draft": request.POST.get("draft", ""),
        **more,
    }
    return render(request, "guidance/edit.html", context, status=status)


def _evidence(
    here: Project, now: GuidanceVersion, texts: dict[str, str], draft: str
) -> dict[str, list[str]]:
    """The tickets behind a draft belong to the first new rule: there it stands in the form."""
    fresh = [key for key in reading.ordered(list(texts)) if key not in now.entry["experiences"]]
    if not draft.isdecimal() or not fresh:
        return {}
    return {fresh[0]: [str(key) for key in queries.suggestion(here, int(draft)).evidence]}


def _posted_texts(request: HttpRequest) -> dict[str, str]:
    keys, texts = request.POST.getlist("key"), request.POST.getlist("text")
    if len(keys) != len(texts) or len(keys) > 2000:
        raise ApiProblem(422, "invalid", _("Every text needs its key."))
    return {key: text for key, text in zip(keys, texts, strict=True) if text.strip()}


def _posted_file(request: HttpRequest) -> str:
    file = request.FILES.get("file")
    if file is None:
        raise ApiProblem(422, "no_file", _("Choose a guidance file."))
    if (file.size or 0) > LONGEST_UPLOAD:
        raise ApiProblem(413, "too_large", _("The file is too large for guidance."))
    return file.read().decode("utf-8", "replace")


def _reflections(request: HttpRequest, here: Project, uid: str) -> Any:
    """What reflection of a run tried, without the labels of tickets that may come blind."""
    found = reflections_of(queries.verdicts_of(here, uid))
    return without_labels(vars(request)["rights"], found)


def _steps(version: Any) -> list[dict[str, Any]]:
    """The run's own steps towards a promoted version."""
    if version.origin != "promoted":
        return []
    found = queries.guidance_outputs(version.guidance.project, [version.run_uid])
    output = found.get(version.run_uid)
    return reading.steps_of(output) if output else []


def _number(request: HttpRequest, key: str) -> int | None:
    text = request.GET.get(key, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None
