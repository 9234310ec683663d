"""The tabs of a record's page: its objects, the record as a model sees it, its augmentations."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from console.api.problems import ApiProblem
from console.catalog.augment_presets import PRESETS, preset_named
from console.catalog.augment_preview import (
    BANK_RECORDS,
    FILE,
    MAX_EPOCH,
    MAX_SEED,
    POSITIONS,
    AugmentChoice,
    preview_of,
    run_text,
)
from console.catalog.config_views import problem_row
from console.catalog.models import DatasetRecord
from console.catalog.token_preview import TokenChoice, model_choices, preview_tokens
from console.web.pages import project_of
from mlcore.augment.bank import paste_ops
from mlcore.augment.load import read_augmentation
from mlcore.chat.prompts import MODES, PROFILE_MODES, PROFILES
from mlcore.contract.domains import DOMAINS
from mlcore.errors import ConfigError
from mlcore.objectjson.scale import EMIT_NORMS

Context = dict[str, Any]
CARRIED = (
    "tab", "model", "profile", "domain", "mode", "grammar", "emit_norm", "field_order", "length",
    "preset", "ops", "seed", "epoch", "position"
)
"""settings of a tab that stay when one steps to the next record"""
CHOSEN = ("model", "profile", "domain", "mode", "grammar", "emit_norm", "field_order")
GRAMMARS = ("coordjson", "objectjson")
FIELD_ORDERS = ("desc_first", "geometry_first")
MAX_LIMIT = 1_000_000
SLIDER_SEEDS = 99
SLIDER_EPOCHS = 20
KIND_ORDER = ("image", "special", "text", "format", "desc", "coord", "summary", "eos")


def record_tab(request: HttpRequest, row: DatasetRecord) -> Context:
    """What the asked tab shows. Raises Http404 for a tab that does not exist."""
    name = request.GET.get("tab", "objects")
    if name not in TABS:
        raise Http404
    titles = {
        "objects": _("Objects"), "model": _("As the model sees it"), "augment": _("Augmentation"),
    }  # fmt: skip
    icons = {"objects": "record", "model": "config", "augment": "predict"}
    kept = {k: v for k, v in request.GET.items() if k not in CARRIED and v}
    tabs = [
        {
            "name": tab, "title": titles[tab], "icon": icons[tab],
            "url": "?" + urlencode(kept | ({"tab": tab} if tab != "objects" else {})),
        }
        for tab in TABS
    ]  # fmt: skip
    return {
        "tab": name, "tabs": tabs, "tab_template": f"catalog/_record_{name}.html", "kept": kept,
        **TABS[name](request, row),
    }  # fmt: skip


def carried(request: HttpRequest) -> str:
    """The query of the tab's settings, for links to the records beside this one."""
    return urlencode({k: request.GET[k] for k in CARRIED if request.GET.get(k)})


def _objects(request: HttpRequest, row: DatasetRecord) -> Context:
    return {}


def _model(request: HttpRequest, row: DatasetRecord) -> Context:
    project = project_of(request)
    models = model_choices(project)
    choice = token_choice(request.GET.get)
    context: Context = {
        "choice": choice, "models": models, "profiles": [p for p in PROFILES if PROFILE_MODES[p]],
        "modes": MODES, "domains": DOMAINS, "grammars": GRAMMARS, "emit_norms": EMIT_NORMS,
        "field_orders": FIELD_ORDERS,
    }  # fmt: skip
    if choice.model not in models:
        context["models"] = [*models, choice.model]
    try:
        preview = preview_tokens(project, row, choice)
    except ApiProblem as problem:
        return context | {"refusal": problem.message}
    shown = [k for k in KIND_ORDER if k in preview.counts]
    shown += [k for k in preview.counts if k not in shown]
    return context | {
        "preview": preview, "over": preview.total > choice.limit,
        "counts": [{"name": name, "n": preview.counts[name]} for name in shown],
        "percent": min(100.0, 100 * preview.total / choice.limit),
    }


def token_choice(read: Callable[..., Any]) -> TokenChoice:
    """The choice that a query makes; `read(name, default)` reads it. Raises ApiProblem 400 for a
    limit that is none."""
    default = TokenChoice()
    text = str(read("length", default.limit))
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MAX_LIMIT):
        raise ApiProblem(
            400, "bad_parameter", f"length must be a whole number from 1 to {MAX_LIMIT:,}.",
            errors=[{"parameter": "length", "detail": "a whole number above 0"}],
        )
    given = {name: str(read(name, vars(default)[name])) for name in CHOSEN}
    return TokenChoice(**given, limit=int(text))


def _augment(request: HttpRequest, row: DatasetRecord) -> Context:
    preset = preset_named(request.GET.get("preset", ""))
    text = request.GET.get("ops", "") or preset.text
    choice = augment_choice({**request.GET.dict(), "text": text})
    shown = augmentation_shown(row, choice)
    return {
        "augmentation": choice, "presets": PRESETS, "preset": preset.name, "positions": POSITIONS,
        "last_seed": max(SLIDER_SEEDS, choice.seed), "last_epoch": max(SLIDER_EPOCHS, choice.epoch),
        **shown,
    }  # fmt: skip


def augmentation_shown(row: DatasetRecord, choice: AugmentChoice) -> Context:
    """The preview as the page shows it, or its problems, or why there is none."""
    try:
        config = read_augmentation(choice.text, FILE)
    except ConfigError as error:
        return {"problems": [problem_row(p) for p in error.problems], "run_text": ""}
    version = row.version
    shown = {
        "problems": [], "run_text": run_text(version, config),
        "bank_records": BANK_RECORDS if paste_ops(config) else 0,
    }  # fmt: skip
    try:
        made = preview_of(row, config, choice)
    except ApiProblem as problem:
        return shown | {"refusal": problem.message}
    place = [version.dataset.project.slug, version.dataset.name, version.number, row.pk, made.key]
    objects = [
        {**entry, "link": f"truth-{link}" if link is not None else f"pasted-{index}"}
        for index, (entry, link) in enumerate(zip(made.objects, made.links, strict=True))
    ]
    return shown | {
        "made": made, "steps": [_step(s) for s in made.telemetry["steps"]],
        "fates": [{**f, "reason": _lost_reason(f["reason"])} for f in made.fates],
        "n_kept": sum(f["kept"] for f in made.fates),
        "augmented": {
            "name": row.record_id, "width": made.width, "height": made.height,
            "image": reverse("api:record_augmented_image", args=place),
            "objects": {"truth": objects},
        },
    }  # fmt: skip


def augment_choice(values: Mapping[str, Any]) -> AugmentChoice:
    """The choice that a query or a body makes. Raises ApiProblem 400 for a number out of range."""
    return AugmentChoice(
        str(values.get("text", "")), _whole(values, "seed", MAX_SEED),
        _whole(values, "epoch", MAX_EPOCH), _whole(values, "position", POSITIONS),
    )


def _whole(values: Mapping[str, Any], name: str, most: int) -> int:
    text = str(values.get(name, 0))
    if not (text.isascii() and text.isdigit() and int(text) <= most):
        raise ApiProblem(
            400, "bad_parameter", f"{name} must be a whole number from 0 to {most:,}.",
            errors=[{"parameter": name, "detail": f"a whole number from 0 to {most}"}],
        )
    return int(text)


def _step(step: Mapping[str, Any]) -> Context:
    skipped = str(step["skipped"])
    return {"op": step["op"], "skipped": _skip_reasons().get(skipped, skipped), "on": not skipped}


def _skip_reasons() -> dict[str, str]:
    return {
        "prob": _("the draw said no"), "same_size": _("the size would stay"),
        "no_anchor": _("no object to crop around"), "no_objects": _("no object would be left"),
        "min_objects": _("too few objects would be left"), "line": _("a line would be cut"),
        "no_target": _("nothing to paste beside"), "no_place": _("no free place"),
        "no_patch": _("nothing to paste"),
    }  # fmt: skip


def _lost_reason(reason: str) -> str:
    known = {
        "coverage": _("too little of it is left"), "outside": _("it is outside the picture"),
        "sliver": _("only a sliver of it is left"),
    }  # fmt: skip
    return known.get(reason, reason)


TABS: dict[str, Callable[[HttpRequest, DatasetRecord], Context]] = {
    "objects": _objects,
    "model": _model,
    "augment": _augment,
}
