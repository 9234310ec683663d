"""Decisions become the next version of a dataset: which labels differ, and the run that writes it.

Nothing is written here but a snapshot of the decisions; the dataset is the output of a run of kind
`relabel`, as an import's is, and so is its lineage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from console.accounts import audit
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.catalog.models import DatasetVersion, Output
from console.catalog.output_rows import objects_of
from console.catalog.queries import file_of
from console.guidance.models import CorrectedRecords
from console.reviews import exporting
from console.reviews.models import Export, ReviewItem
from console.reviews.states import FINAL, Kind
from console.runs import launching
from console.runs.launching import LaunchRequest
from console.runs.models import Run
from console.runs.states import LIVE
from console.web.yaml_edit import text_of
from mlcore.contract.relabel import BROKEN, Correction, Decided, corrections
from mlcore.contract.ticket_list import LABELS, TICKETS, TicketLine, grouped, ticket_line
from mlcore.errors import DataError
from mlcore.run.hashing import FileEntry, tree_digest

DEFAULT_LABEL = "label"


@dataclass(frozen=True)
class Preview:
    """What correcting a version would do. `runs` are the Stage-B runs that judged the dataset,
    `decisions` how many of their tickets people have decided, `items` those that change a label."""

    version: DatasetVersion
    tickets: int
    runs: list[Run]
    decisions: int
    changes: list[Correction]
    items: list[ReviewItem]
    label_key: str

    @property
    def corrected(self) -> int:
        return sum(change.now is not None for change in self.changes)

    @property
    def left_out(self) -> int:
        return len(self.changes) - self.corrected


def preview(project: Project, version: DatasetVersion) -> Preview:
    """The labels of a version that differ from what people decided. Raises ApiProblem 422 where the
    version has no tickets."""
    summarised, runs = _runs(project, version)
    key = _label_key(summarised)
    items = {
        item.ticket_key: item
        for item in ReviewItem.objects.filter(
            project=project, run__in=runs, state__in=FINAL, outcome__in=[*LABELS, BROKEN]
        )
        .exclude(kind=Kind.GOLD)
        .defer("images", "summaries", "evidence")
        .order_by("settled", "id")
    }
    tickets = _tickets(version, key)
    decided = {name: _decided(item) for name, item in items.items()}
    changes = corrections(tickets, decided)
    changed = [items[change.ticket_key] for change in changes]
    return Preview(version, len(tickets), runs, len(items), changes, changed, key)


def relabel(actor: Actor, project: Project, version: DatasetVersion) -> tuple[Run, Export]:
    """Take a snapshot of the decisions that change a label, and queue the run that writes the
    dataset's next version from it.

    Raises ApiProblem 409 where no label differs, the version is not the newest one, or a run that
    corrects it has not ended; 422 where it has no tickets.
    """
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        _check(project, version)
        found = preview(project, version)
        if not found.changes:
            raise ApiProblem(409, "nothing_changed", "No decision differs from a label on record.")
        snapshot = exporting.take(actor, project, found.items, version.ref)
        values: dict[str, Any] = {
            "kind": "relabel",
            "name": version.dataset.name,
            "dataset": version.ref,
            "decisions": _stored(project, snapshot).ref,
            "runs": sorted({item.run.uid for item in found.items if item.run}),
        }
        if found.label_key != DEFAULT_LABEL:
            values["label_key"] = found.label_key
        request = LaunchRequest(text=text_of(values), filename="relabel.yaml")
        run = launching.launch(actor, project, request)
        detail = {
            "run": run.uid,
            "snapshot": snapshot.uid,
            "corrected": found.corrected,
            "left_out": found.left_out,
        }
        audit.record(actor, "dataset.relabel", version.ref, project=project, detail=detail)
    return run, snapshot


def _check(project: Project, version: DatasetVersion) -> None:
    newest = version.dataset.latest
    if version.number != newest:
        raise ApiProblem(409, "not_newest", f"Version {newest} is the newest one: correct that.")
    going = Run.objects.filter(project=project, kind="relabel", state__in=LIVE)
    for run in going:
        if run.config_resolved.get("dataset") == version.ref:
            raise ApiProblem(409, "going_on", f"The run {run.uid} is correcting it already.")


def _runs(project: Project, version: DatasetVersion) -> tuple[list[Run], list[Run]]:
    """The runs that summarised a dataset, in any version, and those that judged the summaries, with
    or without corrected labels."""
    rows = DatasetVersion.everything.filter(dataset=version.dataset)
    summarised = _users(project, "stage_a", set(rows.values_list("output_id", flat=True)))
    uids = [run.uid for run in summarised]
    made = Output.objects.filter(project=project, type="summaries", run_uid__in=uids)
    keys = set(made.values_list("pk", flat=True))
    fixed = CorrectedRecords.objects.filter(project=project, source__in=keys)
    keys |= set(fixed.values_list("output_id", flat=True))
    return summarised, _users(project, "stage_b", keys)


def _users(project: Project, kind: str, outputs: set[int]) -> list[Run]:
    """Runs of a kind that were given one of these outputs."""
    rows = Run.objects.filter(project=project, kind=kind)
    rows = rows.defer("config_text", "report", "manifest").order_by("id")
    return [run for run in rows.iterator(500) if outputs & {b.get("output") for b in run.bindings}]


def _label_key(summarised: list[Run]) -> str:
    """Where records hold their ticket's label, as the newest summaries were told."""
    for run in reversed(summarised):
        source = run.config_resolved.get("source")
        if isinstance(source, dict) and source.get("label_key"):
            return str(source["label_key"])
    return DEFAULT_LABEL


def _tickets(version: DatasetVersion, label_key: str) -> list[TicketLine]:
    try:
        if file_of(version.output, TICKETS) is not None:
            rows = enumerate(objects_of(version.output, TICKETS), start=1)
            return [ticket_line(row, f"{TICKETS}:{number}") for number, row in rows]
        found = grouped(_metadata(version), label_key)
    except DataError as error:
        raise ApiProblem(422, "tickets", f"{error.message} ({error.where})") from error
    if not found:
        raise ApiProblem(422, "no_tickets", f"No record of {version.ref} belongs to a ticket.")
    return found


def _metadata(version: DatasetVersion) -> Iterator[tuple[str, dict[str, Any]]]:
    for split in version.splits:
        for row in objects_of(version.output, f"{split}.jsonl"):
            told = row.get("metadata")
            yield str(row.get("id", "")), told if isinstance(told, dict) else {}


def _decided(item: ReviewItem) -> Decided:
    """What the preview needs of a decision; the run reads the rest from the snapshot."""
    return Decided(
        ticket_key=item.ticket_key,
        verdict=item.outcome,
        how="",
        settled=item.settled.isoformat() if item.settled else "",
        item=item.pk,
        log=item.head,
        run="",
        guidance="",
        reviewers=(),
    )


def _stored(project: Project, snapshot: Export) -> Output:
    """The snapshot's file as hosts fetch what was uploaded."""
    (part,) = snapshot.parts
    name = f"review-{snapshot.uid}.jsonl"
    entry = FileEntry(name, part["sha256"], part["size"])
    return Output.objects.create(
        project=project,
        name=name,
        type="upload",
        digest=tree_digest([entry]),
        bytes=entry.size,
        files=[{"path": name, "sha256": entry.sha256, "size": entry.size}],
    )
