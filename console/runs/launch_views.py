"""Pages of launching: choose a kind, fill the form or the YAML, see what will happen, go."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.pagination import keyset_page
from console.api.problems import ApiProblem
from console.catalog import queries as catalog
from console.catalog.choices import input_choices
from console.catalog.configs import MAX_TEXT
from console.fleet.queries import serves
from console.runs import launching
from console.runs.launch_form import LaunchForm, edit_text, read_form, starting_text
from console.runs.launching import LaunchRequest
from console.runs.models import Run
from console.runs.queries import run_of
from console.runs.remedy import smaller_steps
from console.web import states
from console.web.pages import page, project_of
from console.web.recipes import recipe, shipped_recipes
from console.web.schema_form import input_path
from console.web.yaml_edit import UnreadableTextError
from mlcore.kinds import KINDS

MAX_LINKED_TEXT = 20_000
"""characters of a config that a link to the form may carry"""


_LINKED = (
    *("dataset", "model", "adapter", "predictions", "evaluation"),
    *("summaries", "guidance", "verdicts"),
)
"""types of inputs that a link to the form may carry"""


@dataclass(frozen=True)
class Start:
    """Where a launch begins: a kind's empty form, a recipe, a saved config, another run."""

    kind: str
    text: str
    source: str = ""
    filename: str = "config.yaml"
    config_ref: str = ""
    parent: Run | None = None


@requires(get="runs.view", post="runs.launch")
@page
def launch(request: HttpRequest, project: str) -> HttpResponseBase:
    """The choice of a kind, or the form of the chosen one; POST launches."""
    here = project_of(request)
    start = _start(request, here)
    if start is None:
        return render(request, "runs/launch.html", _choice(here))
    if request.method == "POST":
        return _launch(request, here, start)
    form = read_form(start.kind, _prefilled(request, start))
    return render(request, "runs/launch.html", _context(here, start, form, problems_of(here, form)))


@requires(post="runs.view")
@page
def sync(request: HttpRequest, project: str) -> HttpResponseBase:
    """One edit of the form or the YAML: both views again, the problems and the plan."""
    here = project_of(request)
    body = _json_body(request)
    kind, text = str(body.get("kind", "")), str(body.get("text", ""))
    if kind not in KINDS or len(text) > MAX_TEXT:
        raise ApiProblem(422, "invalid", _("The kind is unknown or the text too long."))
    if isinstance(body.get("path"), str):
        try:
            text = edit_text(kind, text, body["path"], str(body.get("raw", "")))
        except UnreadableTextError:
            # The text stays as typed; its own problem says what to fix first.
            text = str(body["text"])
    form = read_form(kind, text)
    problems = problems_of(here, form)
    shown = {"sections": form.sections, "unreadable": form.fields is None}
    return JsonResponse(
        {
            "text": text, "problems": problems, "given": form.given,
            "form": render_to_string("runs/_schema_form.html", shown, request),
            "plan": render_to_string("runs/_plan.html", {"plan": plan_of(here, form)}, request),
        }
    )  # fmt: skip


def _start(request: HttpRequest, project: Project) -> Start | None:
    asked = request.GET
    if uid := asked.get("clone"):
        run = run_of(project, uid)
        source = _("run %(uid)s") % {"uid": uid}
        remedy = smaller_steps(run) if asked.get("remedy") == "memory" else None
        text = remedy.text if remedy else run.config_text
        return Start(run.kind, text, source, run.config_filename, parent=run)
    if name := asked.get("config"):
        number = asked.get("v", "")
        version = catalog.config_version(project, name, int(number) if number.isdigit() else None)
        ref = f"{name}@{version.number}"
        return Start(version.kind, version.text, ref, f"{name}.yaml", config_ref=ref)
    if name := asked.get("recipe"):
        found = recipe(name)
        if found is None:
            raise Http404
        filename = name.rsplit("/", 1)[-1]
        return Start(found.kind, found.text, _("recipe %(name)s") % {"name": name}, filename)
    kind = asked.get("kind", "")
    if kind and kind not in KINDS:
        raise Http404
    if kind and (text := asked.get("text", "")[:MAX_LINKED_TEXT]):
        return Start(kind, text)
    return Start(kind, starting_text(kind)) if kind else None


def _prefilled(request: HttpRequest, start: Start) -> str:
    """The text with references that the link carries, such as the dataset one came from."""
    text = start.text
    for key in _LINKED:
        path = (
            input_path(read_form(start.kind, text).fields or [], key) if key in request.GET else ""
        )
        if path:
            text = edit_text(start.kind, text, path, request.GET[key])
    return text


def _launch(request: HttpRequest, project: Project, start: Start) -> HttpResponseBase:
    text = request.POST.get("text", "")
    same_text = text.replace("\r\n", "\n") == start.text
    asked = LaunchRequest(
        text=text, filename=start.filename, config_ref=start.config_ref if same_text else ""
    )
    try:
        run = launching.launch(
            Actor.of_request(request),
            project,
            asked,
            parent=start.parent,
            relation="clone" if start.parent else "",
        )
    except ApiProblem as problem:
        form = read_form(start.kind, text)
        problems = form.problems or problem_rows(problem)
        messages.error(request, problem.message)
        context = _context(project, start, form, problems)
        return render(request, "runs/launch.html", context, status=problem.status_code)
    messages.success(request, _("%(name)s is queued.") % {"name": run.name})
    return redirect("runs:run", project.slug, run.uid)


def _choice(project: Project) -> dict[str, Any]:
    kinds = [
        {"name": n, "summary": states.KIND_SUMMARIES.get(n, k.summary)} for n, k in KINDS.items()
    ]
    saved = keyset_page(catalog.configs(project), limit=12)
    return {"kinds": kinds, "recipes": shipped_recipes(), "configs": saved.items}


def _context(
    project: Project, start: Start, form: LaunchForm, problems: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "kind": form.kind, "summary": states.KIND_SUMMARIES.get(form.kind, ""),
        "source": start.source, "text": form.text, "sections": form.sections,
        "unreadable": form.fields is None, "problems": problems,
        "plan": plan_of(project, form), "inputs": input_choices(project),
    }  # fmt: skip


def problems_of(project: Project, form: LaunchForm) -> list[dict[str, Any]]:
    """Problems of the text; when there are none, of the references in it."""
    if form.problems:
        return form.problems
    try:
        launching.prepare(project, LaunchRequest(text=form.text))
    except ApiProblem as problem:
        return problem_rows(problem)
    return []


def problem_rows(problem: ApiProblem) -> list[dict[str, Any]]:
    if not problem.errors:
        return [{"line": 0, "column": 0, "path": "", "message": problem.message}]
    return [
        {
            "line": e.get("line", 0), "column": e.get("column", 0),
            "path": e.get("path") or str(e.get("pointer", "")).strip("/"), "message": e["detail"],
        }
        for e in problem.errors
    ]  # fmt: skip


def plan_of(project: Project, form: LaunchForm) -> dict[str, Any] | None:
    """What a launch would do; None while the config cannot run."""
    if form.checked.loaded is None:
        return None
    try:
        prepared = launching.prepare(project, LaunchRequest(text=form.text))
    except ApiProblem:
        return None
    kind = KINDS[prepared.loaded.kind]
    queue = launching.choose_queue(prepared.loaded)
    return {
        "kind": kind.name, "queue": queue, "inputs": prepared.inputs,
        "outputs": list(kind.outputs), "resumable": kind.resumable,
        "sha256": prepared.loaded.sha256, "wait": _wait(queue, kind.name),
    }  # fmt: skip


def _wait(queue: str, kind: str) -> str:
    if not serves(queue, kind):
        return _("No worker serves this queue now, so it will wait until one does.")
    ahead = Run.objects.filter(state="queued", queue=queue).count()
    return _("%(n)d ahead of it in the queue.") % {"n": ahead} if ahead else ""


def _json_body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise ApiProblem(400, "bad_json", _("The request is not JSON.")) from error
    if not isinstance(body, dict):
        raise ApiProblem(400, "bad_json", _("The request is not a JSON object."))
    return body
