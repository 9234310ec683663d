"""The first images of a run, to look at with their summaries."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from mlcore.contract.pictures import Fault, header_of
from mlcore.run.context import RunContext
from mlcore.run.pictures import keep_picture
from mlcore.stage_a.group import Photo
from mlcore.stage_a.ledger import AnswerRow, Settled


class Samples:
    """Sends a sample event for each of the first `most` images that have a summary.

    Images of `before`, tickets that an earlier attempt has done, count and are not sent again.
    """

    def __init__(self, ctx: RunContext, root: Path, most: int, before: Sequence[Settled]) -> None:
        self._ctx, self._root = ctx, root
        self._left = most - sum(len(one.rows) for one in before)

    def show(self, settled: Sequence[Settled]) -> None:
        """Images of tickets that have just been written."""
        for one in settled:
            if one.record is not None:
                parts = zip(one.group.photos, one.rows, one.record.summaries, strict=True)
                for photo, row, text in parts:
                    if self._left > 0:
                        self._left -= 1
                        self._send(photo, row, text)

    def _send(self, photo: Photo, row: AnswerRow, text: str) -> None:
        header = header_of(self._root, photo.path)
        if isinstance(header, Fault):
            return
        identity = f"{row.ticket_key}/{photo.path}"
        stem = hashlib.sha256(identity.encode()).hexdigest()[:16]
        notes = [
            "" if row.finished else "cut at the token limit",
            "" if photo.truth in (None, text) else f"true summary: {photo.truth}",
            f"the model said: {row.said}" if row.mended else "",
        ]
        self._ctx.events.sample(
            name=f"{row.ticket_key}/{photo.name}",
            step=0,
            image=keep_picture(self._ctx, self._root / photo.path, stem, *header.shown_size),
            truth=[],
            prediction=[],
            raw=text,
            note="; ".join(note for note in notes if note),
        )
