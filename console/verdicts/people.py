"""The counts of a run with what people decided since: they move on with every decision, so they are
kept beside the rows of the files, with the newest review that they know of.

    truth        every ticket, against people's word where they gave one, else the label on record
    unreviewed   without the tickets that people have decided, against the label on record

A ticket that people found broken, or could not decide, has no right verdict: both leave it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.accounts.models import Project
from console.reviews.models import Review, ReviewItem
from console.reviews.states import FINAL, Kind
from console.verdicts.indexing import cells
from console.verdicts.models import VerdictSet, VerdictTicket
from mlcore.stage_b.tally import confusion

AT_ONCE = 12_000
"""tickets that a page counts anew; the periodic work counts the others"""
VERDICTS = ("pass", "fail")


def newest_review(project: Project) -> int:
    """The id of the project's newest review; every decision, also one taken back, is a row."""
    rows = Review.objects.filter(item__project=project).order_by("-id")
    return rows.values_list("pk", flat=True).first() or 0


def refresh(project: Project, sets: Sequence[VerdictSet]) -> int:
    """Count sets anew that do not know the newest review, the last ones first and not more than a
    page can wait for; returns how many are behind still."""
    mark = newest_review(project)
    behind = [one for one in reversed(sets) if one.people_mark != mark or not one.people]
    words: dict[str, str] = {}
    left = AT_ONCE
    for place, one in enumerate(behind):
        left -= one.tickets
        if left < 0 and place:
            return len(behind) - place
        words = words or _words(project)
        _count(one, words, mark)
    return 0


def refresh_pending() -> str:
    """Count one set anew, the one that is behind most; returns its run, empty when none is."""
    for key in VerdictSet.objects.order_by().values_list("project", flat=True).distinct():
        project = Project(pk=key)
        mark = newest_review(project)
        rows = VerdictSet.objects.filter(project=key)
        behind = rows.exclude(people_mark=mark) | rows.filter(people={})
        one = behind.select_related("run").order_by("people_mark", "-id").first()
        if one is not None:
            _count(one, _words(project), mark)
            return one.run.uid
    return ""


def _words(project: Project) -> dict[str, str]:
    """What people decided about each ticket last, checks left out."""
    rows = ReviewItem.objects.filter(project=project, state__in=sorted(FINAL))
    rows = rows.exclude(kind=Kind.GOLD).order_by("settled", "id")
    return dict(rows.values_list("ticket_key", "outcome").iterator(5000))


def _count(one: VerdictSet, words: dict[str, str], mark: int) -> None:
    told: list[Any] = []
    unreviewed: list[Any] = []
    reviewed = 0
    rows = VerdictTicket.objects.filter(verdicts=one).order_by()
    for key, verdict, label in rows.values_list("ticket_key", "verdict", "label").iterator(5000):
        word = words.get(key)
        if word is None:
            told.append((verdict or None, label))
            unreviewed.append((verdict or None, label))
            continue
        reviewed += 1
        if word in VERDICTS:
            told.append((verdict or None, word))
    counted: dict[str, Any] = {
        "truth": cells(confusion(told)), "unreviewed": cells(confusion(unreviewed)),
        "reviewed": reviewed,
    }  # fmt: skip
    one.people, one.people_mark = counted, mark
    VerdictSet.objects.filter(pk=one.pk).update(people=counted, people_mark=mark)
