"""Older JSONL and older training configs that somebody sends as text, as `data migrate` does."""
from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from console.api.problems import ApiProblem, pointer
from mlcore.config.compose import Source
from mlcore.contract.migrate import MigratedLine, MigrateOptions, Migration, migrated_lines
from mlcore.contract.records import CoordSpace, record_line
from mlcore.errors import ConfigError, Problem

MOST_LINES = 20_000
MOST_PROBLEMS = 1000


def migrate_records(
    text: str, filename: str, space: CoordSpace | None, max_reject_share: float
) -> dict[str, Any]:
    """The lines as records of the contract, with the fate of every one.

    No image is looked at: a size must be in its line. Raises ApiProblem 422 with more than
    MOST_LINES lines, and past the share, which of no lines is 1.
    """
    done, made, fates, problems = Migration(), [], [], []
    for line in _numbered(text, filename, space):
        done.count(line)
        problems += line.problems
        fates.append(_fate(line))
        if line.record is not None:
            made.append(record_line(line.record) + "\n")
    if done.reject_share > max_reject_share:
        raise _too_many(done, problems)
    counts = done.to_json()
    return {
        **counts, "changes": {name: n for name, n in counts["changes"].items() if n},
        "text": "".join(made), "fates": fates, "problems": _rows(problems),
    }  # fmt: skip


def migrate_config(text: str, filename: str, files: Mapping[str, str]) -> dict[str, Any]:
    """The config as one of today's with the fate of every key, as `data migrate --json` reports it.

    Only `files` and shipped recipes are read besides. Raises ApiProblem 422 for a text that is no
    config of the older form.
    """
    # The schema of training is slow to build, and nothing else here needs it.
    from mlcore.train.old.beside import Sent
    from mlcore.train.old.migrate import migrated

    try:
        done = migrated(Source(filename, text), Sent(files))
    except ConfigError as error:
        errors = [_place(problem, files) for problem in error.problems]
        raise ApiProblem(
            422, "config", error.message,
            errors=errors or [{"pointer": "/text", "detail": f"{error.message}. {error.hint}"}],
        ) from error
    report = done.to_json()
    # Dates and the like, which YAML has and JSON does not.
    return {**json.loads(json.dumps(report, default=str)), "text": done.text}


def _numbered(text: str, filename: str, space: CoordSpace | None) -> Iterator[MigratedLine]:
    options = MigrateOptions(None, space)
    for line in migrated_lines(io.BytesIO(text.encode()), filename, options):
        if line.number > MOST_LINES:
            detail = f"has more than {MOST_LINES:,} lines: send parts, or use `data migrate`"
            raise ApiProblem(
                422, "invalid", f"/text: {detail}", errors=[{"pointer": "/text", "detail": detail}]
            )
        yield line


def _fate(line: MigratedLine) -> dict[str, Any]:
    return {
        "line": line.number,
        "status": "rejected" if line.record is None else "kept",
        "id": "" if line.record is None else line.record.id,
        "changes": {name: n for name, n in sorted(line.changes.items()) if n},
        "rules": sorted({problem.rule for problem in line.problems}),
    }


def _too_many(done: Migration, problems: list[Problem]) -> ApiProblem:
    if not done.lines:
        detail = "has no line"
        return ApiProblem(
            422, "data", f"/text: {detail}", errors=[{"pointer": "/text", "detail": detail}]
        )
    lost = done.lines - done.kept
    return ApiProblem(
        422, "data",
        f"{lost:,} of {done.lines:,} lines cannot become records. Mend them, or send "
        "max_reject_share to get the others.",
        errors=[
            {"pointer": "/text", "detail": row.pop("message"), **row} for row in _rows(problems)
        ],
    )  # fmt: skip


def _rows(problems: list[Problem]) -> list[dict[str, Any]]:
    return [
        {"file": p.file, "line": p.line, "path": p.path, "rule": p.rule, "message": p.message}
        for p in problems[:MOST_PROBLEMS]
    ]


def _place(problem: Problem, files: Mapping[str, str]) -> dict[str, Any]:
    """A problem at the member of the request that holds its file."""
    where = pointer(["files", problem.file]) if problem.file in files else "/text"
    return {
        "pointer": where, "detail": problem.message, "file": problem.file, "line": problem.line,
        "column": problem.column, "path": problem.path,
    }
