"""What an input field of a launch form offers: references of a type, newest first."""
from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from console.accounts.models import Project
from console.catalog.models import DatasetVersion, ModelVersion, Output
from console.catalog.outputs import registered_refs
from console.web.formats import count, size

MOST = 40


@dataclass(frozen=True)
class Choice:
    """A reference and a few words about it."""

    ref: str
    note: str


def input_choices(project: Project) -> dict[str, list[Choice]]:
    """Choices by input type: dataset, model, adapter, predictions, evaluation, summaries, guidance,
    verdicts, upload."""
    return {
        "dataset": _datasets(project) + _outputs(project, "dataset"),
        "model": _models(project, "model") + _outputs(project, "model"),
        "adapter": _models(project, "adapter") + _outputs(project, "adapter"),
        "predictions": _outputs(project, "predictions"),
        "evaluation": _outputs(project, "evaluation"),
        "summaries": _registered(project, "records") + _outputs(project, "summaries"),
        "guidance": _registered(project, "guidance") + _outputs(project, "guidance"),
        "verdicts": _outputs(project, "verdicts"),
        "upload": _uploads(project),
    }


def _datasets(project: Project) -> list[Choice]:
    rows = DatasetVersion.objects.filter(dataset__project=project).select_related("dataset")
    return [
        Choice(v.ref, _("%(n)s records") % {"n": count(v.n_records)})
        for v in rows.defer("report", "classes").order_by("-id")[:MOST]
    ]


def _models(project: Project, type_: str) -> list[Choice]:
    rows = ModelVersion.objects.filter(entry__project=project, output__type=type_)
    rows = rows.select_related("entry")
    return [Choice(v.ref, v.digest[:12]) for v in rows.order_by("-id")[:MOST]]


def _uploads(project: Project) -> list[Choice]:
    rows = Output.objects.filter(project=project, type="upload").defer("files")
    return [Choice(o.ref, size(o.bytes)) for o in rows.order_by("-id")[:MOST]]


def _registered(project: Project, scheme: str) -> list[Choice]:
    return [Choice(ref, note) for ref, note in registered_refs(project, scheme)[:MOST]]


def _outputs(project: Project, type_: str) -> list[Choice]:
    rows = Output.objects.filter(project=project, type=type_).exclude(run_uid="")
    return [Choice(o.ref, o.digest[:12]) for o in rows.defer("files").order_by("-id")[:MOST]]
