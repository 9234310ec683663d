"""Problems of a check on disk: counted, few kept, all of them given back in file order."""

from __future__ import annotations

import heapq
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from mlcore.errors import InfrastructureError, Problem

KEPT = 1000
"""problems that a result holds in memory; the counts and the rejects file have all"""


class ProblemLog:
    """Problems of the two passes of a check, each pass in order of file and line.

    Use as a context: leaving it removes the files.
    """

    def __init__(self) -> None:
        self.by_rule: Counter[str] = Counter()
        self._passes: list[TextIO] = [self._spool()]

    def __enter__(self) -> ProblemLog:
        return self

    def __exit__(self, *_exc: object) -> None:
        for file in self._passes:
            file.close()

    def next_pass(self) -> None:
        """What is added from here on is in an order of its own."""
        self._passes.append(self._spool())

    def add(self, place: int, problem: Problem, text: str) -> None:
        """Add a problem of the file at `place`, with the text of its line."""
        self.by_rule[problem.rule] += 1
        row = [place, problem.line, reject_row(problem, text)]
        self._passes[-1].write(json.dumps(row, ensure_ascii=False) + "\n")

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every problem: {file, line, path, rule, message, record}, by file and line."""
        for file in self._passes:
            file.seek(0)
        passes = [map(json.loads, file) for file in self._passes]
        for _place, _line, row in heapq.merge(*passes, key=lambda item: item[:2]):
            yield row

    @staticmethod
    def _spool() -> TextIO:
        return tempfile.TemporaryFile("w+", encoding="utf-8", prefix="gatehouse-")


def problem_of(row: Mapping[str, Any]) -> Problem:
    """The problem of a row."""
    return Problem(row["file"], row["line"], 0, row["path"], row["message"], row["rule"])


@contextmanager
def rejects_file(path: Path | None) -> Iterator[Callable[[Mapping[str, Any]], object]]:
    """A sink that writes rows to a JSONL file; without a path it drops them."""
    if path is None:
        yield lambda _row: None
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise InfrastructureError(f"cannot write {path}: {error.strerror}") from error
    with file:
        yield lambda row: file.write(json.dumps(row, ensure_ascii=False) + "\n")


def reject_row(problem: Problem, text: str) -> dict[str, Any]:
    """The line of rejects.jsonl for a problem."""
    return {
        "file": problem.file,
        "line": problem.line,
        "path": problem.path,
        "rule": problem.rule,
        "message": problem.message,
        "record": text,
    }
