"""Previews that pages ask for as one edits: an augmented record, the plan of a mixture."""
from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from console.accounts.access import requires
from console.api.problems import ApiProblem
from console.catalog import queries
from console.catalog.config_views import problem_row
from console.catalog.configs import MAX_TEXT
from console.catalog.fusion_preview import (
    MAX_EPOCH,
    FusionPreview,
    NewMember,
    example_text,
    preview_fusion,
)
from console.catalog.record_tabs import augment_choice, augmentation_shown
from console.web.pages import page, project_of

SLIDER_EPOCHS = 20


@requires(get="datasets.view")
@page
def fusion(request: HttpRequest, project: str) -> HttpResponseBase:
    """The mixture of the query, of a saved config, or one to begin with; and its plan."""
    here = project_of(request)
    refs = queries.named_refs(here, "dataset")
    text = request.GET.get("text", "")
    if not text and (name := request.GET.get("config")):
        number = request.GET.get("v", "")
        version = queries.config_version(here, name, int(number) if number.isdigit() else None)
        text = version.text
    text = text or example_text(refs)
    epoch = _epoch(request.GET.get("epoch", "0"))
    preview = preview_fusion(here, text, epoch)
    context = {
        "text": preview.text or text, "refs": refs, "epoch": epoch, "preview": preview,
        "problems": [problem_row(p) for p in preview.problems],
        "last_epoch": max(SLIDER_EPOCHS, epoch), **_shown(preview),
        "run_text": preview.run_text, "configs": queries.configs(here, kind="sft")[:20],
    }  # fmt: skip
    return render(request, "catalog/preview_fusion.html", context)


@requires(post="datasets.view")
@page
def fusion_plan(request: HttpRequest, project: str) -> HttpResponseBase:
    """One edit of the mixture: its problems and its plan again."""
    body = _json_body(request)
    text = body.get("text")
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise ApiProblem(422, "invalid", _("The request holds no text."))
    preview = preview_fusion(
        project_of(request), text, _epoch(str(body.get("epoch", 0))), _member(body.get("add"))
    )
    html = render_to_string("catalog/_fusion_plan.html", _shown(preview), request)
    return JsonResponse(
        {
            "text": preview.text, "problems": [problem_row(p) for p in preview.problems],
            "plan": html, "run_text": preview.run_text,
        }
    )  # fmt: skip


@requires(post="datasets.view")
@page
def augment(
    request: HttpRequest, project: str, name: str, number: int, key: int
) -> HttpResponseBase:
    """A record augmented: the address of its picture, and what happened as a piece of the page."""
    row = queries.record(queries.dataset_version(project_of(request), name, number), key)
    body = _json_body(request)
    if len(str(body.get("text", ""))) > MAX_TEXT:
        raise ApiProblem(422, "invalid", _("The text is too long."))
    shown = augmentation_shown(row, augment_choice(body))
    html = render_to_string("catalog/_augmented.html", shown, request)
    return JsonResponse(
        {
            "problems": shown["problems"], "refusal": shown.get("refusal", ""),
            "after": shown.get("augmented"), "told": html, "run_text": shown["run_text"],
        }
    )  # fmt: skip


def _shown(preview: FusionPreview) -> dict[str, Any]:
    if preview.plan is None:
        return {"plan": None}
    rows = [
        {**row, "color": index % 8 + 1, "percent": 100 * row["share"]}
        for index, row in enumerate(preview.plan["datasets"])
    ]
    return {
        "plan": preview.plan, "rows": rows, "warnings": preview.warnings,
        "order": [{"color": place % 8 + 1, "name": rows[place]["name"]} for place in preview.order],
    }  # fmt: skip


def _member(value: Any) -> NewMember | None:
    """The dataset that the small form adds. Raises ApiProblem 422 for one that cannot be."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ApiProblem(422, "invalid", _("The dataset to add is not an object."))
    try:
        ratio = float(value.get("ratio", 1))
    except (TypeError, ValueError):
        ratio = -1.0
    role, ref = str(value.get("role", "")), str(value.get("dataset", "")).strip()
    if role not in ("target", "source") or not ref or not 0 <= ratio <= 1000:
        raise ApiProblem(422, "invalid", _("A dataset needs a role, a reference and a ratio."))
    return NewMember(role, ref, str(value.get("split") or "train"), ratio)


def _epoch(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_EPOCH):
        raise ApiProblem(
            400, "bad_parameter", f"epoch must be a whole number from 0 to {MAX_EPOCH}.",
            errors=[{"parameter": "epoch", "detail": "a whole number"}],
        )
    return int(text)


def _json_body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise ApiProblem(400, "bad_json", _("The request is not JSON.")) from error
    if not isinstance(body, dict):
        raise ApiProblem(400, "bad_json", _("The request is not a JSON object."))
    return body
