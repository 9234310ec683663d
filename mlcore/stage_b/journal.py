"""What has happened in a run, so that a killed one goes on where it was: journal.jsonl.

    {"n": 1, "time": "...Z", "what": "begin", ...}      what the run is, its guidance at the start
    {"n": 2, "time": "...Z", "what": "answers", ...}    one call of the backend
    {"n": 3, "time": "...Z", "what": "heard", ...}      one step of what learns

A run is a function of its inputs and of what it was answered. One that resumes therefore does
everything again from the start, with answers taken from the journal while it has any, and writes
every file anew: nothing is counted twice, because nothing is added to. What it does again must be
what the journal says that it did.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import Any

from mlcore.errors import DataError, InfrastructureError
from mlcore.run.events import cut_torn_line, utc_now
from mlcore.stage_b.backends.protocol import Backend, Question, Reply
from mlcore.stage_b.ticket import Decode

FILE = "journal.jsonl"
SCHEMA = "stage_b_journal/1"


class Journal:
    """An open journal. `resume` keeps what is there and reads it first; else it starts empty.

    `now` is the time of the newest entry that was read or written: what is dated by it gets the
    same date when it is done again.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self.path, self.now, self._n = path, utc_now(), 0
        if not resume:
            path.unlink(missing_ok=True)
        cut_torn_line(path)
        self._old = _lines(path)
        self._next = next(self._old, None)
        self._file = path.open("a", encoding="utf-8")

    @property
    def replaying(self) -> bool:
        """Whether what is done now was done before."""
        return self._next is not None

    def begun(self) -> Mapping[str, Any] | None:
        """The `begin` entry of the attempt that is resumed; None where there is none."""
        return self._next if self._n == 0 else None

    def step(self, what: str, facts: Mapping[str, Any]) -> None:
        """Note what happens. Raises DataError where something else happened at this place before,
        InfrastructureError where it cannot be written."""
        plain = json.loads(json.dumps(facts, ensure_ascii=False))
        if self._next is None:
            self._write(what, plain)
            return
        entry = self._next
        other = [key for key, value in plain.items() if entry.get(key) != value]
        if entry["what"] == what and other:
            raise self._unlike(f"{what}: {', '.join(other)}")
        self._read(what)

    def answers(self, asked: str, ask: Callable[[], Sequence[Reply]]) -> list[Reply]:
        """What was answered to `asked` (a digest), or what `ask` answers now."""
        if self._next is None:
            replies = list(ask())
            self._write("answers", {"asked": asked, "replies": [asdict(r) for r in replies]})
            return replies
        if self._next.get("asked", asked) != asked:
            raise self._unlike("other questions were asked")
        entry = self._read("answers")
        return [Reply(**reply) for reply in entry["replies"]]

    def close(self) -> None:
        self._old.close()
        self._file.close()

    def _read(self, what: str) -> dict[str, Any]:
        entry = self._next
        assert entry is not None
        if entry["what"] != what:
            raise self._unlike(f"{entry['what']} instead of {what}")
        self._next = next(self._old, None)
        self._n, self.now = int(entry["n"]), str(entry["time"])
        return entry

    def _write(self, what: str, facts: Mapping[str, Any]) -> None:
        """On disk before anything follows from it."""
        now = utc_now()
        entry = {"n": self._n + 1, "time": now, "what": what, **facts}
        try:
            self._file.write(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise InfrastructureError(
                f"cannot write the journal: {error}",
                hint="Free disk space on the host; the run resumes from its last whole line.",
                where=str(self.path),
            ) from error
        self._n, self.now = self._n + 1, now

    def _unlike(self, how: str) -> DataError:
        return DataError(
            f"the journal does not fit this run: {how}",
            hint="Inputs, config or code changed since. Start the run again in another folder.",
            where=f"{self.path.name}:{self._n + 1}",
        )


class JournaledBackend:
    """A backend whose answers are kept, and given again to a run that resumes."""

    def __init__(self, backend: Backend, journal: Journal) -> None:
        self._backend, self._journal = backend, journal
        self.model_digest = backend.model_digest
        self.about: Mapping[str, Any] = backend.about

    def answer(self, questions: Sequence[Question], decode: Decode) -> list[Reply]:
        asked = digest(
            [asdict(decode), [[q.name, q.draw, [[t.role, t.text] for t in q.turns]]
                              for q in questions]]
        )  # fmt: skip
        return self._journal.answers(asked, lambda: self._backend.answer(questions, decode))


def digest(value: object) -> str:
    """A short fingerprint of something that JSON can hold."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _lines(path: Path) -> Generator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise DataError(f"not JSON: {error}", where=f"{path.name}:{number}") from error
            if not isinstance(entry, dict) or entry.get("n") != number:
                raise DataError("not an entry of this place", where=f"{path.name}:{number}")
            yield entry
