"""A dataset with the labels that people decided, as a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlcore.contract.reader import MANIFEST, Dataset
from mlcore.contract.ticket_list import LABELS, TICKETS, TicketLine
from mlcore.errors import DataError, InfrastructureError
from mlcore.run.folder import write_json
from mlcore.run.hashing import file_sha256

SNAPSHOT = "review_export/1"
CORRECTIONS = "corrections.jsonl"
"""a line for every ticket whose label differs, with the decision that says so"""
PICTURES = frozenset({".jpg", ".jpeg", ".png"})
BROKEN = "broken"
"""a ticket that people found unusable"""


@dataclass(frozen=True)
class Decided:
    """What people decided about a ticket: `verdict` is pass, fail or broken."""

    ticket_key: str
    verdict: str
    how: str
    settled: str
    item: int
    log: str
    run: str
    guidance: str
    reviewers: tuple[str, ...]


@dataclass(frozen=True)
class Correction:
    """A ticket whose label is another one; `now` is None where it is left out."""

    ticket_key: str
    was: str
    now: str | None
    decided: Decided

    def to_json(self) -> dict[str, Any]:
        decided = asdict(self.decided)
        del decided["ticket_key"], decided["verdict"]
        return {"ticket_key": self.ticket_key, "was": self.was, "is": self.now, **decided}


def snapshot_file(path: Path) -> Path:
    """The file of a snapshot: itself, or the one that a folder holds."""
    if not path.is_dir():
        return path
    files = sorted(path.glob("*.jsonl"))
    if len(files) != 1:
        raise DataError(f"{path} holds {len(files)} files of lines, not one", where=str(path))
    return files[0]


def read_decisions(path: Path, runs: Sequence[str]) -> dict[str, Decided]:
    """The newest decision of each ticket by key, of these runs only where any are named.

    Raises DataError on a line that is not of a snapshot.
    """
    found: dict[str, Decided] = {}
    for one in _decided(path):
        if runs and one.run not in runs:
            continue
        known = found.get(one.ticket_key)
        if known is None or (known.settled, known.item) < (one.settled, one.item):
            found[one.ticket_key] = one
    return found


def _decided(path: Path) -> Iterator[Decided]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}", where=str(path)) from error
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{path.name}:{number}"
        try:
            row = json.loads(line)
            if row["schema"] != SNAPSHOT:
                raise DataError(f"of {row['schema']}, and {SNAPSHOT} is read", where=where)
            made, human = row["provenance"], row["human"]
            yield Decided(
                ticket_key=str(row["ticket"]["ticket_key"]),
                verdict=str(human["verdict"]),
                how=str(human["how"]),
                settled=str(human["settled"] or ""),
                item=int(row["ticket"]["id"]),
                log=str(made["log"]),
                run=str(made["run"] or ""),
                guidance=str(made.get("guidance") or ""),
                reviewers=tuple(str(r["reviewer"]) for r in row["reviews"] if r["counts"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"not a line of a review snapshot: {error!r}", where=where) from error


def corrections(
    tickets: Sequence[TicketLine], decisions: Mapping[str, Decided]
) -> list[Correction]:
    """The tickets whose label is not what people decided, in their order.

    One that people found unusable is left out, and so is one that is there under the other label
    too: with its new label it would be one ticket twice.
    """
    taken = {ticket.key for ticket in tickets}
    out = []
    for ticket in tickets:
        decided = decisions.get(ticket.key)
        word = decided.verdict if decided else ticket.label
        if decided is None or word == ticket.label or word not in (*LABELS, BROKEN):
            continue
        twin = f"{ticket.name}::{word}" in taken
        out.append(
            Correction(ticket.key, ticket.label, None if word == BROKEN or twin else word, decided)
        )
    return out


def write_relabelled(
    dataset: Dataset,
    folder: Path,
    tickets: Sequence[TicketLine],
    changed: Sequence[Correction],
    about: Mapping[str, Any],
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Write the dataset with its corrected tickets; returns its dataset.json.

    Records and images are the same bytes, so both fingerprints stay; `tickets` in dataset.json
    holds the SHA-256 of the labels, `relabelled` where they come from (`about`).
    """
    own = {MANIFEST, TICKETS, CORRECTIONS}
    files = [p for p in sorted(dataset.folder.rglob("*")) if p.is_file()]
    kept = [p for p in files if p.relative_to(dataset.folder).as_posix() not in own]
    for done, path in enumerate(kept, start=1):
        _same(path, folder / path.relative_to(dataset.folder))
        progress(done, len(kept))
    by_key = {one.ticket_key: one for one in changed}
    now = [(t, by_key[t.key].now if t.key in by_key else t.label) for t in tickets]
    _write(folder / TICKETS, [ticket.line(label) for ticket, label in now if label is not None])
    rows = [json.dumps(one.to_json(), ensure_ascii=False) for one in changed]
    _write(folder / CORRECTIONS, rows)
    labels = Counter(label for _, label in now if label is not None)
    manifest = {
        **dataset.manifest,
        "tickets": {
            "file": TICKETS,
            "count": labels.total(),
            **{label: labels[label] for label in LABELS},
            "sha256": file_sha256(folder / TICKETS),
        },
        "relabelled": {
            **about,
            "corrected": sum(one.now is not None for one in changed),
            "left_out": sum(one.now is None for one in changed),
            "corrections_sha256": file_sha256(folder / CORRECTIONS),
        },
    }
    write_json(folder / MANIFEST, manifest)
    return manifest


def _same(source: Path, target: Path) -> None:
    """The same file at another place. Pictures are linked where they can be; what people open in
    an editor is copied, so that a change of one version never reaches the other."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if not (source.suffix.lower() in PICTURES and _linked(source, target)):
            shutil.copyfile(source, target)
    except OSError as error:
        raise InfrastructureError(f"cannot write {target}: {error}", where=str(target)) from error


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without hard links.
        return False
    return True


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
