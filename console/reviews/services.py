"""Writes of the review queue. Reviewers: claim, beat, release, decide, undo, comment. Leads: acts
on many, groups, checks. Operators: policy, reasons, exports. Runs and bots: open_items."""
from __future__ import annotations

from console.reviews.deciding import (
    Answer,
    ChangedTicketError,
    Decided,
    comment,
    consume,
    decide,
)
from console.reviews.gold import add_gold, retire_gold
from console.reviews.groups import close_notice, write_group
from console.reviews.leases import (
    HARD,
    HEARTBEAT_S,
    LONGEST,
    MOST,
    SOFT,
    LeaseGoneError,
    Wanted,
    beat,
    claim,
    free_for,
    reap,
    release,
    release_all,
)
from console.reviews.opening import ItemRow, Opened, check_images, open_items
from console.reviews.operations import open_tickets, start, start_export
from console.reviews.policy import set_policy, write_reasons
from console.reviews.undoing import WITHIN, CannotUndoError, undo, undoable

__all__ = [
    "HARD", "HEARTBEAT_S", "LONGEST", "MOST", "SOFT", "WITHIN", "Answer", "CannotUndoError",
    "ChangedTicketError", "Decided", "ItemRow", "LeaseGoneError", "Opened", "Wanted", "add_gold",
    "beat", "check_images", "claim", "close_notice", "comment", "consume", "decide", "free_for",
    "open_items", "open_tickets", "reap", "release", "release_all", "retire_gold", "set_policy",
    "start", "start_export", "undo", "undoable", "write_group", "write_reasons",
]
