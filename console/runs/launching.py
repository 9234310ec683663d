"""Launch: a config text and its inputs become a queued run, or a list of everything wrong."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import IntegrityError, transaction

from console.accounts import audit
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.problems import ApiProblem, config_errors, pointer
from console.catalog.services import UnresolvedRefError, resolve_ref
from console.fleet.queries import serves
from console.runs.models import Run
from console.runs.uid import new_uid
from console.wake import wake_on_commit
from console.web.yaml_edit import UnreadableTextError, with_value
from mlcore.config.load import LoadedConfig, load_text
from mlcore.config.overrides import inputs_of
from mlcore.errors import ConfigError, Problem
from mlcore.kinds import KINDS
from mlcore.run.context import NAMED_SCHEMES

QUEUES = ("cpu", "gpu")
TAG = re.compile(r"[\w.:-]{1,40}", re.UNICODE)
FILENAME = re.compile(r"\w[\w .+-]{0,150}\.ya?ml", re.UNICODE)
PRIORITIES = range(-100, 101)
_UID_TRIES = 5


@dataclass(frozen=True)
class LaunchRequest:
    """What a person or script asks for. `inputs` maps dotted paths of the config to references,
    `settings` runtime keys to values; `queue` empty lets the kind and config decide."""

    text: str
    filename: str = "config.yaml"
    name: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    queue: str = ""
    tags: Sequence[str] = ()
    note: str = ""
    config_ref: str = ""


@dataclass(frozen=True)
class Prepared:
    """A request that can run: the text with its inputs filled in, and what they resolve to."""

    text: str
    loaded: LoadedConfig
    inputs: list[dict[str, Any]]
    bindings: list[dict[str, Any]]


def launch(
    actor: Actor, project: Project, request: LaunchRequest,
    *, parent: Run | None = None, relation: str = "",
) -> Run:
    """Make a queued run and wake a worker on commit.

    Raises ApiProblem 422 with a JSON pointer for every bad part of the request.
    """
    _check_form(request)
    prepared = prepare(project, request)
    loaded = prepared.loaded
    run = Run(
        project=project,
        kind=loaded.kind,
        name=(request.name or loaded.model.name or KINDS[loaded.kind].title)[:120],
        priority=request.priority,
        queue=request.queue or choose_queue(loaded),
        config_text=prepared.text,
        config_filename=request.filename,
        config_resolved=loaded.resolved,
        config_provenance=loaded.provenance,
        config_sha256=loaded.sha256,
        config_ref=request.config_ref,
        settings=dict(request.settings),
        inputs=prepared.inputs,
        bindings=prepared.bindings,
        created_by=actor.user,
        tag_line=f" {' '.join(dict.fromkeys(request.tags))} ",
        note=request.note,
        parent=parent,
        parent_relation=relation,
    )
    with transaction.atomic():
        _save_with_free_uid(run)
        detail = {"kind": run.kind, "name": run.name, "config": run.config_sha256}
        if parent is not None:
            detail[relation] = parent.uid
        audit.record(actor, "run.launch", f"run:{run.uid}", project=project, detail=detail)
        wake_on_commit(run.queue)
    return run


def prepare(project: Project, request: LaunchRequest) -> Prepared:
    """Check a request as `launch` would, without making a run."""
    overrides = [f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in request.settings.items()]
    try:
        load_text(request.text, request.filename, overrides=overrides, inputs=request.inputs)
        text = _filled(request)
        loaded = load_text(text, request.filename, overrides=overrides)
    except ConfigError as error:
        raise ApiProblem(422, "config", error.message, errors=_errors(error.problems)) from error
    uses = inputs_of(loaded.model)
    rows: list[dict[str, Any]] = []
    bindings: dict[str, dict[str, Any]] = {}
    errors: list[dict[str, Any]] = []
    for use in uses:
        row = {"path": use.path, "ref": use.ref, "type": use.type, "digest": ""}
        if use.ref.startswith(NAMED_SCHEMES):
            where = pointer(["inputs", use.path]) if use.path in request.inputs else "/config"
            try:
                found = resolve_ref(project, use.ref)
            except UnresolvedRefError as error:
                errors.append({"pointer": where, "path": use.path, "detail": error.message})
                continue
            if found.type != use.type:
                detail = f"{use.ref} is a {found.type}, where a {use.type} is needed."
                errors.append({"pointer": where, "path": use.path, "detail": detail})
            row["digest"] = found.digest
            bindings[use.ref] = {
                "ref": use.ref, "digest": found.digest, "output": found.output_id
            }
        rows.append(row)
    if errors:
        raise ApiProblem(422, "inputs", errors[0]["detail"], errors=errors)
    return Prepared(text, loaded, rows, list(bindings.values()))


def _filled(request: LaunchRequest) -> str:
    """The text with the inputs written into it, so that the config describes the run by itself."""
    text = request.text
    for path, ref in request.inputs.items():
        try:
            text = with_value(text, path, ref)
        except UnreadableTextError as error:
            raise ConfigError(str(error)) from error
    return text


def _errors(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Problems with the member of the request that each stands in."""
    out = []
    for problem in problems:
        row = config_errors([problem], "config")[0]
        if problem.file == "(inputs)":
            row["pointer"] = pointer(["inputs", problem.path])
        elif problem.file == "--set":
            row["pointer"] = pointer(["set", problem.path])
        out.append(row)
    return out


def choose_queue(loaded: LoadedConfig) -> str:
    """Where a config runs best: what its kind says, then its `device`, then who is there."""
    device = KINDS[loaded.kind].device
    if device != "any":
        return device
    wanted = str(loaded.resolved.get("device", "auto"))
    if wanted != "auto":
        return "cpu" if wanted == "cpu" else "gpu"
    return "gpu" if serves("gpu", loaded.kind) else "cpu"


def _check_form(request: LaunchRequest) -> None:
    errors = []
    if request.queue and request.queue not in QUEUES:
        errors.append({"pointer": "/queue", "detail": f"must be one of {', '.join(QUEUES)}"})
    if request.priority not in PRIORITIES:
        errors.append({"pointer": "/priority", "detail": "must be from -100 to 100"})
    if not FILENAME.fullmatch(request.filename):
        errors.append({"pointer": "/filename", "detail": "must be a plain name ending in .yaml"})
    bad = [tag for tag in request.tags if not TAG.fullmatch(tag)]
    if bad or len(" ".join(request.tags)) > 390:
        detail = "at most 390 characters together, each of 1 to 40 letters, digits and . : _ -"
        errors.append({"pointer": "/tags", "detail": detail})
    if errors:
        first = f"{errors[0]['pointer']}: {errors[0]['detail']}"
        raise ApiProblem(422, "invalid", first, errors=errors)


def _save_with_free_uid(run: Run) -> None:
    for remaining in reversed(range(_UID_TRIES)):
        try:
            with transaction.atomic():
                run.save(force_insert=True)
                return
        except IntegrityError:
            if not remaining or not Run.objects.filter(uid=run.uid).exists():
                raise
            run.uid = new_uid()


def request_of(run: Run, **changes: Any) -> LaunchRequest:
    """The request that makes the same run again, with changes."""
    same = LaunchRequest(
        text=run.config_text, filename=run.config_filename, name=run.name,
        settings=run.settings, priority=run.priority, queue=run.queue, tags=run.tags,
        note=run.note, config_ref=run.config_ref,
    )
    return replace(same, **changes)
