"""Writes of the review queue. Reviewers: claim, beat, release, decide, undo, comment. Leads: gold.
Operators: policy, reasons. Runs and bots: open_items. The control worker: reap."""
from __future__ import annotations

from console.reviews.deciding import Answer, ChangedTicketError, Decided, comment, decide
from console.reviews.gold import add_gold, retire_gold
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
from console.reviews.policy import set_policy, write_reasons
from console.reviews.undoing import WITHIN, CannotUndoError, undo, undoable

__all__ = [
    "HARD", "HEARTBEAT_S", "LONGEST", "MOST", "SOFT", "WITHIN", "Answer", "CannotUndoError",
    "ChangedTicketError", "Decided", "ItemRow", "LeaseGoneError", "Opened", "Wanted", "add_gold",
    "beat", "check_images", "claim", "comment", "decide", "free_for", "open_items", "reap",
    "release", "release_all", "retire_gold", "set_policy", "undo", "undoable", "write_reasons",
]
