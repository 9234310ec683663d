"""Where a run or model comes from and what came of it, as columns of nodes from left to right."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.models import Project
from console.catalog.models import ModelVersion, Output
from console.catalog.queries import outputs_of_run
from console.runs import page_reads
from console.runs.models import Run
from console.web import states
from mlcore.run.context import NAMED_SCHEMES

Node = dict[str, Any]
_ICONS = {
    "dataset": "datasets",
    "model": "models",
    "adapter": "models",
    "predictions": "predict",
    "evaluation": "evaluate",
    "gate": "gates",
    "verdicts": "metric",
    "guidance": "train",
}


def ref_url(slug: str, ref: str) -> str:
    """The page of what a reference names, empty for what only the host knows."""
    scheme, _colon, rest = ref.partition(":")
    name, _at, version = rest.partition("@")
    if scheme == "dataset" and version:
        return reverse("catalog:dataset", args=[slug, name]) + f"?v={version}"
    if scheme == "model" and version:
        return reverse("catalog:model", args=[slug, name]) + f"?v={version}"
    if scheme == "guidance" and version:
        return reverse("guidance:mission", args=[slug, name]) + f"?v={version}"
    if scheme == "records" and version:
        return reverse("guidance:mission", args=[slug, name])
    if scheme == "run":
        return reverse("runs:run", args=[slug, rest.partition("/")[0]])
    return ""


def flow_of_run(run: Run) -> list[list[Node]]:
    """Inputs, the run, its outputs, and the runs that took them."""
    project = run.project
    outputs = {o.name: o for o in outputs_of_run(project, run.uid)}
    columns = [
        [
            _ref_node(project.slug, i["ref"], i.get("type", ""), i.get("digest", ""))
            for i in run.inputs
        ],
        [_run_node(project.slug, run, here=True)],
        [_output_node(project.slug, o) for o in outputs.values()],
        [_run_node(project.slug, r) for r in users_of(project, list(outputs.values()))],
    ]
    return [column for column in columns if column]


def flow_of_model(version: ModelVersion) -> list[list[Node]]:
    """The run that made it with its inputs, the version, and the runs that took it."""
    project = version.entry.project
    maker = Run.objects.filter(project=project, uid=version.run_uid).first()
    node = {
        "type": _("model"),
        "icon": "models",
        "title": f"{version.entry.name} v{version.number}",
        "digest": version.digest,
        "here": True,
        "url": "",
    }
    columns = [
        [
            _ref_node(project.slug, i["ref"], i.get("type", ""), i.get("digest", ""))
            for i in (maker.inputs if maker else [])
        ],
        [_run_node(project.slug, maker)] if maker else [],
        [node],
        [_run_node(project.slug, r) for r in users_of(project, [version.output])],
    ]
    return [column for column in columns if column]


def users_of(project: Project, outputs: list[Output]) -> list[Run]:
    """Runs that take these outputs, by any of the names they go by."""
    refs = []
    for output in outputs:
        refs.append(output.ref)
        refs.extend(v.ref for v in output.dataset_versions.all())
        refs.extend(v.ref for v in output.model_versions.all())
    return page_reads.using(project, refs)


def _type_word(type_: str) -> str:
    words = {
        "dataset": _("dataset"),
        "model": _("model"),
        "adapter": _("adapter"),
        "predictions": _("predictions"),
        "evaluation": _("evaluation"),
        "gate": _("gate verdict"),
        "summaries": _("summaries"),
        "verdicts": _("verdicts"),
        "guidance": _("guidance"),
    }
    return words.get(type_, type_)


def _ref_node(slug: str, ref: str, type_: str, digest: str) -> Node:
    title = ref.partition(":")[2] if ref.startswith(NAMED_SCHEMES) else ref
    return {
        "type": _type_word(type_),
        "icon": _ICONS.get(type_, "file"),
        "title": title,
        "digest": digest,
        "url": ref_url(slug, ref),
    }


def _run_node(slug: str, run: Run, *, here: bool = False) -> Node:
    return {
        "type": states.KIND_TITLES.get(run.kind, run.kind),
        "icon": states.KIND_ICONS.get(run.kind, "run"),
        "title": run.name,
        "state": run.state,
        "url": "" if here else reverse("runs:run", args=[slug, run.uid]),
        "here": here,
    }


def _output_node(slug: str, output: Output) -> Node:
    refs = [v.ref for v in output.dataset_versions.all()]
    refs += [v.ref for v in output.model_versions.all()]
    ref = refs[0] if refs else output.ref
    node = _ref_node(slug, ref, output.type, output.digest)
    return node if refs else {**node, "title": output.name, "url": ""}
