"""What pages outside of review keep back from who may have to judge a ticket blind.

The desk hides the model's verdict and the label on record; a run's own page, its files and events
tell both. So who can be asked to judge, and does not read every review anyway, gets there neither
the verdict of a ticket that is blind for them nor the files that hold all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.catalog.models import Output
from console.reviews.models import ReviewItem
from console.reviews.queries import Viewer, hidden_keys
from console.runs.models import Run

TELLING_OUTPUTS = frozenset({"verdicts", "summaries"})
"""types of outputs whose files hold verdicts or labels of tickets"""
TELLING_KINDS = frozenset({"stage_a", "stage_b"})
TELLING_EVENTS = frozenset({"review_item"})
TELLING_FILES = frozenset({"tickets.jsonl", "corrections.jsonl"})
"""files of a dataset that hold labels of tickets"""
_LABELS = ("::pass", "::fail")


def viewer_of(request: HttpRequest) -> Viewer:
    """Who looks at the page."""
    return Viewer(request.user, vars(request)["rights"])  # type: ignore[arg-type]


def is_kept_blind(rights: Collection[str]) -> bool:
    """Whether files and events that tell of many tickets are kept back."""
    return "reviews.decide" in rights and "reviews.audit" not in rights


def hidden_rows(request: HttpRequest, project: Project) -> QuerySet[ReviewItem, str]:
    """Keys of the tickets that no page may tell the verdict of to who asks."""
    return hidden_keys(project, viewer_of(request))


def tells(rights: Collection[str], output: Output) -> bool:
    """Whether the files of an output are kept back."""
    return output.type in TELLING_OUTPUTS and is_kept_blind(rights)


def refuse_output(rights: Collection[str], output: Output) -> None:
    """Raises ApiProblem 403 where the files of an output would tell."""
    if tells(rights, output):
        refuse_telling(rights)


def refuse_files_of(rights: Collection[str], run: Run) -> None:
    """Raises ApiProblem 403 where what the run announced would tell."""
    if run.kind in TELLING_KINDS:
        refuse_telling(rights)


def refuse_dataset_file(rights: Collection[str], path: str) -> None:
    """Raises ApiProblem 403 where a file of a dataset would tell."""
    if path.rpartition("/")[2] in TELLING_FILES:
        refuse_telling(rights)


def refuse_telling(rights: Collection[str]) -> None:
    """Raises ApiProblem 403 for who judges blind."""
    if is_kept_blind(rights):
        raise ApiProblem(
            403,
            "blind_review",
            "This file tells verdicts and labels of tickets that may come to you blind. A lead or "
            "an auditor can read it.",
        )


def told_events(rights: Collection[str], rows: QuerySet[Any]) -> QuerySet[Any]:
    """Events without those that tell a ticket's verdict."""
    return rows.exclude(type__in=TELLING_EVENTS) if is_kept_blind(rights) else rows


def without_label(rights: Collection[str], name: str) -> str:
    """A text that names tickets by their keys, without the labels in which these end."""
    if is_kept_blind(rights):
        for label in _LABELS:
            name = name.replace(label, "")
    return name


def without_labels(rights: Collection[str], value: Any) -> Any:
    """The same for every text of a JSON value."""
    if not is_kept_blind(rights):
        return value
    if isinstance(value, Mapping):
        return {key: without_labels(rights, part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_labels(rights, part) for part in value]
    return without_label(rights, value) if isinstance(value, str) else value
