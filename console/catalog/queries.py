"""Reads of the catalog: what pages and endpoints show. Everything starts from a project."""
from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.shortcuts import get_object_or_404

from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.catalog.models import (
    ConfigFile,
    ConfigVersion,
    Dataset,
    DatasetGroup,
    DatasetRecord,
    DatasetReject,
    DatasetVersion,
    ModelEntry,
    ModelVersion,
    Output,
)

_RANGE = re.compile(r"(\d{0,6})(-?)(\d{0,6})")
_HEAVY = ("output__files", "report")
"""what grows with the dataset: read only where it is shown"""


def parse_range(text: str, name: str = "objects") -> tuple[int | None, int | None]:
    """`3`, `3-`, `-5` or `3-5` as inclusive ends. Raises ApiProblem 400 for anything else; `name`
    is the parameter that holds the text."""
    match = _RANGE.fullmatch(text.strip())
    if not text.strip():
        return None, None
    if match is None or not (match[1] or match[3]):
        raise ApiProblem(
            400, "bad_parameter", f"{name} must be a number or a range such as 3-5, 3- or -5.",
            errors=[{"parameter": name, "detail": "a number or a range"}],
        )
    low, dash, high = match.groups()
    if not dash:
        return int(low), int(low)
    return int(low) if low else None, int(high) if high else None


def configs(
    project: Project, *, kind: str = "", archived: bool = False
) -> QuerySet[ConfigFile]:
    """Configs of a project."""
    rows = ConfigFile.objects.filter(project=project, archived=archived)
    return rows.filter(kind=kind) if kind else rows


def config_named(project: Project, name: str) -> ConfigFile:
    """One config. Raises Http404."""
    return get_object_or_404(ConfigFile, project=project, name=name)


def config_version(project: Project, name: str, number: int | None = None) -> ConfigVersion:
    """One version, the newest without a number. Raises Http404."""
    rows = ConfigVersion.objects.filter(config__project=project, config__name=name)
    rows = rows.select_related("config", "author")
    if number is None:
        return get_object_or_404(rows.filter(config__latest=F("number")))
    return get_object_or_404(rows, number=number)


def config_versions(config: ConfigFile) -> QuerySet[ConfigVersion]:
    """All versions with their authors, newest first."""
    return config.versions.select_related("author")


def datasets(project: Project) -> QuerySet[Dataset]:
    """Datasets with figures of their newest version: `n_records`, `n_objects`, `n_rejects`,
    `bytes`."""
    newest = DatasetVersion.objects.filter(dataset=OuterRef("pk")).order_by("-number")
    return Dataset.objects.filter(project=project, latest__gt=0).annotate(
        n_records=Subquery(newest.values("n_records")[:1]),
        n_objects=Subquery(newest.values("n_objects")[:1]),
        n_rejects=Subquery(newest.values("n_rejects")[:1]),
        bytes=Subquery(newest.values("output__bytes")[:1]),
        type=Subquery(newest.values("output__type")[:1]),
    )


def dataset_named(project: Project, name: str) -> Dataset:
    """One dataset that has a version. Raises Http404."""
    return get_object_or_404(Dataset, project=project, name=name, latest__gt=0)


def dataset_versions(dataset: Dataset) -> QuerySet[DatasetVersion]:
    """All versions with their outputs, newest first."""
    return dataset.versions.select_related("output", "dataset").defer(*_HEAVY)


def dataset_version(project: Project, name: str, number: int | None = None) -> DatasetVersion:
    """One version, the newest without a number. Raises Http404, and ApiProblem 503 while the rows
    of the version are being written anew."""
    rows = DatasetVersion.everything.filter(
        dataset__project=project, dataset__name=name, number__gt=0
    ).select_related("dataset", "output").defer(*_HEAVY)
    wanted = F("dataset__latest") if number is None else number
    version = get_object_or_404(rows, number=wanted)
    if not version.ready:
        raise ApiProblem(
            503, "indexing", f"{version.ref} is being indexed. Try again in a minute.",
            headers={"Retry-After": "5"},
        )
    return version


def record(version: DatasetVersion, key: int) -> DatasetRecord:
    """One record by its key. Raises Http404."""
    return get_object_or_404(version.records, pk=key)


def rejects(version: DatasetVersion, rule: str = "", text: str = "") -> QuerySet[DatasetReject]:
    """The lines that did not make it, in file order; of one rule, with a text in place or reason.
    """
    rows = version.rejects.filter(code=rule) if rule else version.rejects.all()
    if text:
        rows = rows.filter(Q(place__icontains=text) | Q(message__icontains=text))
    return rows


def reject_rules(version: DatasetVersion) -> list[tuple[str, int]]:
    """How many lines each rule rejected, most first."""
    rows = version.rejects.order_by().values_list("code").annotate(n=Count("pk"))
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def groups(version: DatasetVersion, kind: str) -> QuerySet[DatasetGroup]:
    """Groups of images that are the same or nearly so, those across splits first."""
    return version.groups.filter(kind=kind).order_by("order")


def models(project: Project) -> QuerySet[ModelEntry]:
    """Models and adapters with `type`, `headline`, `run_uid`, `bytes` of their newest version."""
    newest = ModelVersion.objects.filter(entry=OuterRef("pk")).order_by("-number")
    return ModelEntry.objects.filter(project=project).annotate(
        headline=Subquery(newest.values("headline")[:1]),
        run_uid=Subquery(newest.values("run_uid")[:1]),
        bytes=Subquery(newest.values("output__bytes")[:1]),
    )


def model_named(project: Project, name: str) -> ModelEntry:
    """One model. Raises Http404."""
    return get_object_or_404(ModelEntry, project=project, name=name)


def model_versions(entry: ModelEntry) -> QuerySet[ModelVersion]:
    """All versions with their outputs, newest first."""
    return entry.versions.select_related("output", "entry")


def model_version(project: Project, name: str, number: int | None = None) -> ModelVersion:
    """One version, the newest without a number. Raises Http404."""
    rows = ModelVersion.objects.filter(entry__project=project, entry__name=name)
    rows = rows.select_related("entry", "output")
    if number is None:
        return get_object_or_404(rows.filter(entry__latest=F("number")))
    return get_object_or_404(rows, number=number)


def outputs_of_run(project: Project, run_uid: str) -> list[Output]:
    """What a run made, with its `dataset_versions` and `model_versions`."""
    rows = Output.objects.filter(project=project, run_uid=run_uid).order_by("id")
    return list(rows.prefetch_related("dataset_versions__dataset", "model_versions__entry"))


def output_of_run(project: Project, run_uid: str, name: str) -> Output:
    """The newest output of that name. Raises Http404."""
    found = Output.objects.filter(project=project, run_uid=run_uid, name=name).first()
    return found if found is not None else get_object_or_404(Output, pk=None)


def named_refs(project: Project, type_: str) -> list[str]:
    """What an input of this type may be set to, newest first: versions of datasets and models,
    and outputs of runs for the types that have no versions."""
    if type_ == "dataset":
        versions: Sequence[Any] = DatasetVersion.objects.filter(
            dataset__project=project
        ).select_related("dataset").order_by("-id")[:200]
    elif type_ == "model":
        versions = ModelVersion.objects.filter(entry__project=project).select_related(
            "entry"
        ).order_by("-id")[:200]
    else:
        versions = Output.objects.filter(project=project, type=type_).order_by("-id")[:200]
    return [version.ref for version in versions]


def file_of(output: Output, path: str) -> dict[str, Any] | None:
    """The file of an output at a path, as {path, sha256, size}; only listed paths exist."""
    return next((file for file in output.files if file["path"] == path), None)


def versions_by_digest(project: Project, digests: Sequence[str]) -> dict[str, ModelVersion]:
    """Model versions by what they are; of several names for the same bytes, the newest."""
    rows = ModelVersion.objects.filter(entry__project=project, digest__in=set(digests) - {""})
    return {v.digest: v for v in rows.select_related("entry").order_by("id")}


def newest_digests(entries: Sequence[ModelEntry]) -> dict[int, str]:
    """The digest of each model's newest version, by the model's key."""
    rows = ModelVersion.objects.filter(entry__in=[e.pk for e in entries], number=F("entry__latest"))
    return dict(rows.values_list("entry_id", "digest"))


def names_like(project: Project, type_: str, text: str, limit: int) -> list[str]:
    """Names of datasets, models or configs that hold the text, the last changed first."""
    tables = {"dataset": Dataset, "model": ModelEntry, "config": ConfigFile}
    rows = tables[type_].objects.filter(project=project, name__icontains=text)
    return list(rows.order_by("-updated").values_list("name", flat=True)[:limit])
