"""Progress of several steps in a terminal: bars that redraw, or plain lines in a pipe."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

BAR = 24
"""width of a bar in characters"""
PLAIN_EVERY_S = 15.0
"""how often a running step says something in a pipe"""


@dataclass(frozen=True)
class Line:
    """What is known of a step now. `share` 0..1, None while it is not known."""

    name: str
    state: str
    share: float | None
    note: str
    seconds: float


def bar(share: float | None, width: int = BAR) -> str:
    """A bar of `width` characters; dots when the share is not known."""
    if share is None:
        return "·" * width
    full = round(min(max(share, 0.0), 1.0) * width)
    return "█" * full + "░" * (width - full)


def clock(seconds: float) -> str:
    """Minutes and seconds, as in 3:07."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def render(line: Line, width: int) -> str:
    """One line of the live block, cut to the terminal's width."""
    percent = "    " if line.share is None else f"{line.share:4.0%}"
    text = f"  {line.name:<20} {bar(line.share)} {percent} {clock(line.seconds):>6}  {line.note}"
    return text[: max(width - 1, 20)]


class Screen:
    """Shows active steps below finished ones. Call `show` often; `finish` once per step."""

    def __init__(self, out: TextIO | None = None, *, live: bool | None = None) -> None:
        self._out = sys.stdout if out is None else out
        self._live = self._out.isatty() if live is None else live
        self._drawn = 0
        self._said: dict[str, tuple[str, float]] = {}

    def show(self, lines: Sequence[Line]) -> None:
        """Redraw the active steps, or say what changed."""
        if self._live:
            self._clear()
            width = shutil.get_terminal_size().columns
            for line in lines:
                self._out.write(render(line, width) + "\n")
            self._drawn = len(lines)
        else:
            for line in lines:
                self._say(line)
        self._out.flush()

    def finish(self, line: Line) -> None:
        """The last word about a step; it stays on the screen."""
        if self._live:
            self._clear()
        mark = "✓" if line.state == "succeeded" else "✗"
        self._out.write(
            f"{mark} {line.name:<20} {line.state:<12} {clock(line.seconds):>6}  {line.note}\n"
        )
        self._out.flush()

    def _clear(self) -> None:
        if self._drawn:
            self._out.write(f"\x1b[{self._drawn}A\x1b[J")
        self._drawn = 0

    def _say(self, line: Line) -> None:
        state, at = self._said.get(line.name, ("", 0.0))
        now = time.monotonic()
        if state == line.state and now - at < PLAIN_EVERY_S:
            return
        self._said[line.name] = (line.state, now)
        percent = "" if line.share is None else f" {line.share:.0%}"
        self._out.write(
            f"  {line.name}: {line.state}{percent} after {clock(line.seconds)} {line.note}".rstrip()
            + "\n"
        )


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their longest cell."""
    widths = [
        max(len(str(row[i])) for row in [headers, *rows]) for i in range(len(headers))
    ]
    lines = ["  ".join(str(c).ljust(w) for c, w in zip(r, widths, strict=True)) for r in rows]
    head = "  ".join(h.ljust(w) for h, w in zip(headers, widths, strict=True))
    return "\n".join(line.rstrip() for line in [head, "-" * len(head), *lines])
