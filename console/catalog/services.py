"""Writes of the catalog: registering what runs made. Configs are in `configs.py`."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from console.accounts import audit
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.catalog.indexing import DatasetContents, read_contents, write_rows
from console.catalog.models import (
    Dataset,
    DatasetVersion,
    ModelEntry,
    ModelVersion,
    Output,
)
from console.catalog.outputs import (
    OutputError,
    ResolvedRef,
    RunLike,
    UnresolvedRefError,
    checked_files,
    resolve_ref,
)

__all__ = [
    "OutputError", "ResolvedRef", "UnresolvedRefError", "describe_dataset", "describe_model",
    "register_output", "resolve_ref",
]


Thing = TypeVar("Thing", Dataset, ModelEntry)


def register_output(
    run: RunLike,
    name: str,
    type_: str,
    digest: str,
    files: Sequence[Mapping[str, Any]],
    report: Mapping[str, Any] | None,
) -> Output:
    """Record what a run made; a dataset or model becomes the next version under the run's name.

    The same digest under the same name is the same version. Raises OutputError (an ApiProblem)
    when blobs are missing or the tree is not what its type says; then nothing is written. Reading
    a dataset's records happens before the transaction, so the write lock is held for inserts only.
    """
    checked = checked_files(files, digest)
    contents = read_contents(checked) if type_ == "dataset" else None
    with transaction.atomic():
        output = Output.objects.filter(run_uid=str(run.uid), name=name, digest=digest).first()
        if output is None:
            output = Output.objects.create(
                project=run.project, run_uid=str(run.uid), name=name, type=type_, digest=digest,
                files=checked, bytes=sum(file["size"] for file in checked),
            )
        if contents is not None:
            _dataset_version(run, output, contents)
        elif type_ == "model":
            _model_version(run, output, report or {})
    return output


def name_of(run: RunLike, fallback: str) -> str:
    """The run's name as a reference can hold it: words joined by dashes."""
    name = re.sub(r"[^\w.+-]+", "-", run.name, flags=re.UNICODE).strip("-.")[:120]
    return name or fallback


def _dataset_version(run: RunLike, output: Output, contents: DatasetContents) -> DatasetVersion:
    manifest = contents.manifest
    dataset, _ = Dataset.objects.get_or_create(
        project=run.project, name=name_of(run, "dataset")
    )
    same = DatasetVersion.objects.filter(dataset=dataset, digest=output.digest).first()
    if same is not None:
        return same
    version = DatasetVersion.objects.create(
        dataset=dataset,
        number=_next_number(dataset),
        output=output,
        digest=output.digest,
        fingerprint=str(manifest.get("fingerprint", ""))[:80],
        coord_space=str(manifest.get("coord_space", "pixel"))[:16],
        splits={split: int(entry["records"]) for split, entry in manifest["splits"].items()},
        classes=list(manifest.get("classes", [])),
        report=dict(contents.report),
        n_records=len(contents.records),
        n_objects=sum(len(record.objects) for _split, _index, record in contents.records),
        n_rejects=int(manifest.get("rejects", len(contents.rejects))),
    )
    write_rows(version, contents)
    return version


def _model_version(run: RunLike, output: Output, report: Mapping[str, Any]) -> ModelVersion:
    entry, _ = ModelEntry.objects.get_or_create(project=run.project, name=name_of(run, "model"))
    same = ModelVersion.objects.filter(entry=entry, digest=output.digest).first()
    if same is not None:
        return same
    return ModelVersion.objects.create(
        entry=entry, number=_next_number(entry), output=output, run_uid=str(run.uid),
        digest=output.digest, headline=dict(report.get("headline", {})),
    )


def _next_number(thing: Dataset | ModelEntry) -> int:
    # The UPDATE locks the row, so two runs that finish together get two numbers.
    rows = type(thing)._default_manager.filter(pk=thing.pk)
    rows.update(latest=F("latest") + 1, updated=timezone.now())
    thing.refresh_from_db(fields=["latest", "updated"])
    return thing.latest


def describe_dataset(actor: Actor, dataset: Dataset, description: str) -> Dataset:
    """Set the text that people read about a dataset."""
    return _describe(actor, dataset.project, dataset, f"dataset:{dataset.name}", description)


def describe_model(actor: Actor, entry: ModelEntry, description: str) -> ModelEntry:
    """Set the text that people read about a model."""
    return _describe(actor, entry.project, entry, f"model:{entry.name}", description)


def _describe(
    actor: Actor, project: Project, thing: Thing, label: str, description: str
) -> Thing:
    with transaction.atomic():
        thing.description = description
        thing.updated = timezone.now()
        thing.full_clean()
        thing.save(update_fields=["description", "updated"])
        audit.record(actor, f"{label.partition(':')[0]}.describe", label, project=project)
    return thing
