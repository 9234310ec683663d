"""Writes of the catalog: registering what runs made. Configs are in `configs.py`."""
from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from console.accounts import audit
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.catalog.indexing import (
    DatasetPlan,
    WriterLostError,
    forget_rows,
    hold_writer,
    read_plan,
    write_rows,
)
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
    "index_pending", "register_output", "resolve_ref",
]

logger = logging.getLogger(__name__)
RESERVED = frozenset({"validate"})
"""names that an address of the API has for something else"""
WRITER_SILENCE = timedelta(seconds=60)
"""a writer of rows says with every batch that it is alive; after this it counts as dead"""

Thing = TypeVar("Thing", Dataset, ModelEntry)


def register_output(
    run: RunLike,
    name: str,
    type_: str,
    digest: str,
    files: Sequence[Mapping[str, Any]],
    report: Mapping[str, Any] | None,
) -> Output:
    """Record what a run made; a dataset, model or adapter becomes the next version under the run's
    name.

    The same digest under the same name is the same version. Raises OutputError (an ApiProblem)
    when blobs are missing or the tree is not what its type says; then nothing is left of it. The
    rows of a dataset are written in many short transactions to a version that appears when it is
    complete; while another request writes the same version this one is answered 503.
    """
    checked = checked_files(files, digest)
    plan = read_plan(checked) if type_ == "dataset" else None
    with transaction.atomic():
        output = Output.objects.filter(run_uid=str(run.uid), name=name, digest=digest).first()
        fresh = output is None
        if output is None:
            output = Output.objects.create(
                project=run.project, run_uid=str(run.uid), name=name, type=type_, digest=digest,
                files=checked, bytes=sum(file["size"] for file in checked),
            )
        if type_ in ("model", "adapter"):
            _model_version(run, output, report or {})
        version = None if plan is None else _pending_version(run, output, plan)
    if version is not None and plan is not None:
        try:
            _write_version(version, plan)
        except Exception:
            # Whatever it was, nothing half-made may stay behind.
            if fresh and not output.dataset_versions(manager="everything").exists():
                output.delete()
            raise
    return output


def name_of(run: RunLike, fallback: str) -> str:
    """The run's name as a reference can hold it: words joined by dashes."""
    name = re.sub(r"[^\w.+-]+", "-", run.name, flags=re.UNICODE).strip("-.")[:120]
    return f"{name}-{fallback}" if name in RESERVED else name or fallback


def _pending_version(run: RunLike, output: Output, plan: DatasetPlan) -> DatasetVersion | None:
    """The version whose rows are to be written now, by us; None when they are all there."""
    manifest = plan.manifest
    dataset, _ = Dataset.objects.get_or_create(
        project=run.project, name=name_of(run, "dataset")
    )
    # Locks the row, so two requests that come together get two answers.
    Dataset.objects.filter(pk=dataset.pk).update(updated=F("updated"))
    same = DatasetVersion.everything.filter(dataset=dataset, digest=output.digest).first()
    if same is not None:
        return None if same.ready else _taken_over(same)
    return DatasetVersion.everything.create(
        dataset=dataset, output=output, digest=output.digest,
        fingerprint=str(manifest.get("fingerprint", ""))[:80],
        coord_space=str(manifest.get("coord_space", "pixel"))[:16],
        splits={split: int(entry["records"]) for split, entry in manifest["splits"].items()},
        classes=list(manifest.get("classes", [])),
        writer=uuid.uuid4().hex, writing_since=timezone.now(),
    )


def _taken_over(version: DatasetVersion) -> DatasetVersion:
    """Become the writer of a version whose writer has not been heard of for a while.

    Raises WriterLostError while that one is alive.
    """
    writer = uuid.uuid4().hex
    silent = Q(writing_since=None) | Q(writing_since__lt=timezone.now() - WRITER_SILENCE)
    free = DatasetVersion.everything.filter(silent, pk=version.pk, ready=False)
    if not free.update(writer=writer, writing_since=timezone.now()):
        raise WriterLostError
    version.writer = writer
    return version


def _write_version(version: DatasetVersion, plan: DatasetPlan) -> None:
    """Write the rows, then show the version. A refused dataset leaves no rows behind."""
    try:
        known = write_rows(version, plan, version.writer)
    except WriterLostError:
        raise
    except Exception:
        _drop_version(version)
        raise
    with transaction.atomic():
        hold_writer(version, version.writer)
        number = version.number or _next_number(version.dataset)
        DatasetVersion.everything.filter(pk=version.pk).update(
            **known, number=number, ready=True, writer="", writing_since=None
        )


def _drop_version(version: DatasetVersion) -> None:
    """Forget a version that could not be written, and its dataset when it has no other."""
    forget_rows(version, version.writer)
    with transaction.atomic():
        hold_writer(version, version.writer)
        version.delete()
        empty = Dataset.objects.filter(pk=version.dataset_id, latest=0)
        empty.exclude(pk__in=DatasetVersion.everything.values("dataset")).delete()


def index_pending() -> str:
    """Write the rows of one version that has a number but no rows (the index has a new form, or
    its writer died). Returns its reference, empty when there is none to do."""
    waiting = DatasetVersion.everything.filter(ready=False, number__gt=0)
    silent = Q(writing_since=None) | Q(writing_since__lt=timezone.now() - WRITER_SILENCE)
    # The one that was tried longest ago, so that a broken one does not hold up the others.
    oldest = F("writing_since").asc(nulls_first=True)
    rows = waiting.filter(silent).select_related("dataset", "output").order_by(oldest, "-id")
    version = rows.first()
    if version is None:
        return ""
    try:
        with transaction.atomic():
            _taken_over(version)
        plan = read_plan(version.output.files)
        known = write_rows(version, plan, version.writer)
    except ApiProblem as problem:
        logger.warning("%s cannot be indexed: %s", version.ref, problem.message)
        return ""
    with transaction.atomic():
        hold_writer(version, version.writer)
        DatasetVersion.everything.filter(pk=version.pk).update(
            **known, ready=True, writer="", writing_since=None
        )
    return version.ref


def _model_version(run: RunLike, output: Output, report: Mapping[str, Any]) -> ModelVersion:
    name = name_of(run, "model")
    if output.name != "model":
        # An adapter is no whole model, and the checkpoint that it was trained on is not what the
        # run made of it.
        name = f"{name[:110]}-{output.name}"
    entry, _ = ModelEntry.objects.get_or_create(project=run.project, name=name)
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
