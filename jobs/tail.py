"""Following the files that a child writes, from the last byte that the console has."""
from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcore.run.events import VERSION, utc_now

BATCH_EVENTS = 500
BATCH_BYTES = 256 << 10
LOG_CHUNK = 256 << 10
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """Events in order, and the file position after the last of them."""

    events: list[dict[str, Any]]
    end: int

    @property
    def last_seq(self) -> int:
        return int(self.events[-1]["seq"])


class EventTail:
    """Reads whole lines of an event file. Nothing moves forward until `confirm`.

    A torn last line waits for its end. A whole line that is no event is replaced by a warning
    event with the seq that is missing, so that one bad line cannot stop the rest.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self.last_seq = 0

    def read(self) -> Batch | None:
        """The next events, at most BATCH_EVENTS and BATCH_BYTES (one longer line alone);
        None when there is no whole line."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return None
        events: list[dict[str, Any]] = []
        with file:
            file.seek(self._position)
            end = self._position
            seq = self.last_seq
            for line in file:
                size = end + len(line) - self._position
                if not line.endswith(b"\n") or (events and size > BATCH_BYTES):
                    break
                end += len(line)
                event = _parse(line, seq + 1)
                if event["seq"] > seq:
                    events.append(event)
                    seq = event["seq"]
                if len(events) >= BATCH_EVENTS:
                    break
        if not events:
            self._position = end
            return None
        return Batch(events, end)

    def confirm(self, batch: Batch, last_seq: int) -> None:
        """The console has everything up to `last_seq`: go on after it."""
        if last_seq >= batch.last_seq:
            self._position, self.last_seq = batch.end, batch.last_seq
        else:
            self.rewind(last_seq)

    def rewind(self, last_seq: int) -> None:
        """Read again from the event after `last_seq`."""
        self._position, self.last_seq = 0, last_seq


def _parse(line: bytes, expected: int) -> dict[str, Any]:
    try:
        event = json.loads(line)
        event["seq"] = int(event["seq"])
    except (ValueError, KeyError, TypeError):
        logger.warning("event line %d is unreadable: %r", expected, line[:200])
        return {
            "v": VERSION, "seq": expected, "time": utc_now(), "type": "warning",
            "code": "unreadable_event", "message": f"event {expected} could not be read",
        }
    checked: dict[str, Any] = event
    return checked


class LogTail:
    """Reads a log that grows, keeps it short on disk, and counts what was carried home.

    `offset` is the console's offset: the bytes that it has. It differs from the position in the
    file after a rotation. Past `carry_limit` bytes one last line says so and no more is read.
    """

    def __init__(self, path: Path, *, file_limit: int, carry_limit: int) -> None:
        self._path = path
        self._file_limit = file_limit
        self._carry_limit = carry_limit
        self._position = 0
        self._note = b""
        self._capped = False
        self.offset = 0

    def read(self) -> bytes:
        """The next chunk, at most LOG_CHUNK bytes; empty when there is nothing new to carry."""
        if self._note:
            return self._note
        if self._capped:
            return b""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                return file.read(LOG_CHUNK)
        except FileNotFoundError:
            return b""

    def confirm(self, chunk: bytes) -> None:
        """The console has this chunk."""
        self.offset += len(chunk)
        if self._note:
            self._note = b""
            return
        self._position += len(chunk)
        if self.offset >= self._carry_limit:
            self._capped = True
            self._note = (
                f"\n[the log is longer than {self._carry_limit} bytes; "
                f"the rest is in {self._path.name} on the host]\n"
            ).encode()

    def correct(self, offset: int) -> None:
        """The console's end is `offset`: skip what it already has of the chunk last read."""
        ahead = offset - self.offset
        if ahead > 0 and not self._note:
            self._position += ahead
        elif self._note:
            self._note = self._note[max(ahead, 0):]
        self.offset = offset
        self._capped = self._capped or offset > self._carry_limit

    def rotate(self) -> None:
        """Keep the file under its limit: copy it to `.1` and empty it. The writer appends.

        What was not carried by then is dropped with a note that says how much.
        """
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return
        if size <= self._file_limit:
            return
        shutil.copyfile(self._path, self._path.with_suffix(".1.txt"))
        size = self._path.stat().st_size
        with self._path.open("r+b") as file:
            file.truncate(0)
        dropped = size - self._position
        self._position = 0
        if dropped > 0 and not self._capped:
            self._note = f"\n[{dropped} bytes of log were dropped: it grew too fast]\n".encode()
