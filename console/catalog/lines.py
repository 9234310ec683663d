"""Checking dataset lines that somebody sends as text: the contract without its images."""
from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from mlcore.contract.reader import iter_lines
from mlcore.contract.records import record_line
from mlcore.contract.writer import Fingerprint
from mlcore.errors import Problem

MOST_PROBLEMS = 1000


def validate_text(text: str, filename: str) -> dict[str, Any]:
    """What `data validate --json` says of a file with this text, but for its images.

    The fingerprint covers the valid lines without image hashes. At most MOST_PROBLEMS problems are
    listed; the counts are of all.
    """
    fingerprint = Fingerprint()
    split = Path(filename).stem or "records"
    problems: list[Problem] = []
    ids: dict[str, int] = {}
    total = rejected = 0
    with tempfile.TemporaryDirectory(prefix="gatehouse-lines-") as folder:
        path = Path(folder) / "lines.jsonl"
        path.write_text(text, encoding="utf-8")
        for line in iter_lines(path):
            total += 1
            found = list(line.problems)
            if line.record is not None:
                seen = ids.setdefault(line.record.id, line.number)
                if seen != line.number:
                    message = f"{line.record.id!r} was used at line {seen}"
                    found.append(Problem(
                        filename, line.number, 0, "id", message, "record.duplicate_id"
                    ))
                else:
                    fingerprint.add(split, record_line(line.record), [])
            rejected += bool(found)
            problems += found
    return {
        "records": total, "valid": total - rejected, "rejected": rejected,
        "problems": [
            {"file": filename, "line": p.line, "path": p.path, "rule": p.rule,
             "message": p.message}
            for p in problems[:MOST_PROBLEMS]
        ],
        "by_rule": dict(Counter(p.rule for p in problems).most_common()),
        "fingerprint": fingerprint.hexdigest(),
    }  # fmt: skip
