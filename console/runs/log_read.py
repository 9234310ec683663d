"""Reading a stored log by byte offset."""
from __future__ import annotations

from dataclasses import dataclass

from console.runs.models import Attempt, LogChunk

MAX_LIMIT = 1 << 20


@dataclass(frozen=True)
class LogPart:
    """`data` starts at byte `offset` of a log of `size` bytes."""

    offset: int
    size: int
    data: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.data)


def read_log(attempt: Attempt, offset: int, limit: int) -> LogPart:
    """At most `limit` bytes from `offset`, cut so that no UTF-8 character is split when more
    follows."""
    end = min(offset + limit, attempt.log_size)
    if offset >= end:
        return LogPart(min(offset, attempt.log_size), attempt.log_size, b"")
    rows = LogChunk.objects.filter(attempt=attempt)
    first = rows.filter(offset__lte=offset).order_by("-offset").values_list("offset", flat=True)[:1]
    start = next(iter(first), 0)
    parts = rows.filter(offset__gte=start, offset__lt=end).order_by("offset")
    data = b"".join(bytes(part.data) for part in parts)[offset - start : end - start]
    if offset + len(data) < attempt.log_size:
        data = _whole_characters(data)
    return LogPart(offset, attempt.log_size, data)


def read_tail(attempt: Attempt, lines: int, limit: int = MAX_LIMIT) -> LogPart:
    """The last `lines` lines, at most `limit` bytes of them."""
    part = read_log(attempt, max(attempt.log_size - limit, 0), limit)
    cut = len(part.data) - 1 if part.data.endswith(b"\n") else len(part.data)
    for _line in range(lines):
        cut = part.data.rfind(b"\n", 0, cut)
        if cut < 0:
            return part
    return LogPart(part.offset + cut + 1, part.size, part.data[cut + 1 :])


def _whole_characters(data: bytes) -> bytes:
    """The data without an unfinished UTF-8 character at its end."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0b1100_0000 == 0b1000_0000:
            continue
        width = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
        whole = back >= width or back == len(data)
        return data if whole else data[:-back]
    return data
