"""Events: one JSON object per line, `{"v":1,"seq":n,"time":"...Z","type":...}`.

Unique by (run, attempt, seq). Written line by line and flushed, so a reader that follows the
file sees whole lines except possibly the last. A torn last line is legal and skipped. A failed
write stops the run as infrastructure: a run that cannot report must not go on.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from mlcore.errors import InfrastructureError

VERSION = 1
EVENT_TYPES = (
    "status",
    "progress",
    "metric",
    "rewind",
    "artifact",
    "sample",
    "stream",
    "review_item",
    "gate",
    "preflight",
    "warning",
    "error",
)
Phase = Literal["starting", "loading", "running", "saving", "finishing"]


def utc_now() -> str:
    """The time in UTC with milliseconds, as in `2026-01-31T12:00:00.123Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class EventWriter:
    """Appends events of one attempt. Safe to call from several threads of one process.

    `listeners` are called with each event once it is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.listeners: list[Callable[[Mapping[str, Any]], None]] = []
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def _open(self) -> None:
        self._seq = last_seq(self.path)
        cut_torn_line(self.path)
        try:
            self._file = self.path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise InfrastructureError(
                f"cannot open the event file: {error}", where=str(self.path)
            ) from error

    @contextmanager
    def lent(self) -> Iterator[None]:
        """While inside, another process is the one that writes; nothing may be emitted here.

        Afterwards events go on where that process ended, even if it died in the middle of a line.
        """
        self._file.close()
        try:
            yield
        finally:
            self._open()

    def emit(self, type_: str, **fields: Any) -> int:
        """Write one event and return its seq. Raises InfrastructureError when it cannot."""
        assert type_ in EVENT_TYPES, type_
        with self._lock:
            seq = self._seq + 1
            event = {"v": VERSION, "seq": seq, "time": utc_now(), "type": type_, **fields}
            line = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            try:
                self._file.write(line + "\n")
                self._file.flush()
            except OSError as error:
                raise InfrastructureError(
                    f"cannot write an event: {error}",
                    where=str(self.path),
                    hint="Free disk space on the host; the run resumes from its last checkpoint.",
                ) from error
            self._seq = seq
        for listener in list(self.listeners):
            listener(event)
        return seq

    def status(self, phase: Phase, message: str = "") -> None:
        """What the run is doing now, as a phase and a sentence."""
        self.emit("status", phase=phase, message=message)

    def progress(self, done: float, total: float | None, unit: str) -> None:
        """Work done of work planned; `total` None when it is not known."""
        self.emit("progress", done=done, total=total, unit=unit)

    def metric(self, step: int, values: Mapping[str, float], epoch: float | None = None) -> None:
        """Values of one step. Non-finite values are refused with a warning event each."""
        finite = {k: float(v) for k, v in values.items() if math.isfinite(v)}
        for key in values.keys() - finite.keys():
            self.warning("non_finite_metric", f"{key} was {values[key]} at step {step}")
        if finite:
            extra = {} if epoch is None else {"epoch": epoch}
            self.emit("metric", step=step, values=finite, **extra)

    def rewind(self, step: int) -> None:
        """A resume: points of earlier attempts past `step` are superseded."""
        self.emit("rewind", step=step)

    def artifact(self, name: str, path: str, sha256: str, size: int, media: str) -> None:
        """A file the run made. `path` is relative to the run folder; size in bytes."""
        self.emit("artifact", name=name, path=path, sha256=sha256, size=size, media=media)

    def sample(
        self,
        name: str,
        step: int,
        image: Mapping[str, Any],
        truth: Sequence[Mapping[str, Any]],
        prediction: Sequence[Mapping[str, Any]],
        raw: str,
        note: str = "",
    ) -> None:
        """One image with truth and prediction.

        `image` is {path, sha256, size, width, height}, its path relative to the run folder.
        Objects are {desc, bbox_2d | poly | line: [pixels]} in that image's pixels.
        """
        self.emit(
            "sample",
            name=name,
            step=step,
            image=dict(image),
            truth=list(truth),
            prediction=list(prediction),
            raw=raw,
            note=note,
        )

    def stream(self, name: str, text: str, tokens: int) -> None:
        """An answer that is still being written: its text so far (or the end of it), and how many
        tokens it has. Each takes the place of the one before; nothing depends on them."""
        self.emit("stream", name=name, text=text, tokens=tokens)

    def gate(self, result: Mapping[str, Any]) -> None:
        """A gate's whole verdict: {policy, passed, checks: [...]}."""
        self.emit("gate", result=dict(result))

    def preflight(self, result: Mapping[str, Any]) -> None:
        """What was looked at before the work: {verdict, checks: [{id, verdict, message, ...}]}."""
        self.emit("preflight", result=dict(result))

    def warning(self, code: str, message: str, **fields: Any) -> None:
        """Something a person should know and the run survives."""
        self.emit("warning", code=code, message=message, **fields)

    def error(self, code: str, message: str, hint: str = "", where: str = "") -> None:
        """Why the run ends without success."""
        self.emit("error", code=code, message=message, hint=hint, where=where)

    def close(self) -> None:
        self._file.close()


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """Every whole event of a file, in order; a torn last line is skipped."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)


def last_seq(path: Path) -> int:
    """The seq of the last whole event, 0 when there is none."""
    seq = 0
    for event in read_events(path):
        seq = int(event["seq"])
    return seq


def cut_torn_line(path: Path) -> None:
    """Remove an unfinished last line, so that the next event starts on a line of its own."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole != len(data):
        with path.open("r+b") as file:
            file.truncate(whole)
