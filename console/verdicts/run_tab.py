"""The tab of a Stage-B run: its tickets, one ticket in full, and those without a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from console.api.pagination import keyset_page
from console.catalog.output_rows import UnreadableOutputError
from console.reviews.blindness import hidden_rows
from console.reviews.models import ReviewItem
from console.reviews.states import Kind
from console.runs.models import Attempt, Run
from console.verdicts import queries
from console.verdicts.boards import row_of
from console.verdicts.models import VerdictTicket
from console.web.pages import link, pager

PAGE_SIZE = 50
Context = dict[str, Any]


def tickets(request: HttpRequest, run: Run, attempts: Sequence[Attempt]) -> Context:
    """The tickets that pass the filter of the URL; `ticket` opens one of them."""
    try:
        verdicts = queries.set_of_run(run)
    except UnreadableOutputError as problem:
        return {"verdicts": None, "unreadable": problem.message}
    if verdicts is None:
        return {"verdicts": None}
    wanted = queries.filter_of(request.GET)
    hidden = hidden_rows(request, run.project)
    rows = queries.tickets(verdicts, wanted, hidden)
    found = keyset_page(
        rows.defer("detail"), queries.PLACE, request.GET.get("cursor", ""), PAGE_SIZE
    )
    asked = request.GET.get("ticket", "")
    opened = queries.ticket(verdicts, int(asked)) if asked.isdecimal() and len(asked) < 19 else None
    shown = [row.ticket_key for row in (*found.items, *([opened] if opened else []))]
    blind = set(hidden.filter(ticket_key__in=shown))
    return {
        "verdicts": verdicts,
        "figures": row_of(verdicts),
        "filter": wanted,
        "n_found": rows.count(),
        "facets": queries.facets(verdicts),
        "chosen": opened,
        "opened": _opened(run, opened, blind=opened.ticket_key in blind) if opened else None,
        "rows": [
            {"row": row, "url": link(request, ticket=row.pk), "blind": row.ticket_key in blind}
            for row in found.items
        ],
        "close_url": link(request, ticket=None),
        "malformed_url": "?tab=tickets&verdict=none",
        **pager(request, found.next_cursor),
    }


def _opened(run: Run, row: VerdictTicket, *, blind: bool) -> Context:
    """A ticket in full; of a blind one the photographs and what is said of them."""
    detail = row.detail
    slug = run.project.slug
    texts = detail.get("summaries", [])
    items = ReviewItem.objects.filter(project=run.project, ticket_key=row.ticket_key)
    item = items.exclude(kind=Kind.GOLD).order_by("-id").values_list("pk", flat=True).first()
    return {
        "row": row,
        "blind": blind,
        "desk": reverse("reviews:ticket", args=[slug, item]) if item else "",
        "candidates": [] if blind else detail.get("candidates", []),
        "images": [
            {
                "name": PurePosixPath(image["name"]).name if blind else image["name"],
                "number": number,
                "summary": texts[number - 1] if number <= len(texts) else "",
                "url": reverse("verdicts:image", args=[slug, run.uid, row.pk, number])
                if image["sha256"]
                else "",
            }
            for number, image in enumerate(detail.get("images", []), 1)
        ],
    }


def has_tickets(run: Run) -> bool:
    """Whether the run page has the tab."""
    return run.kind == "stage_b"
