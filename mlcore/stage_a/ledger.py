"""The output of a run: tickets in the order in which they were found, each written once whole.

stage_a.jsonl   the records
answers.jsonl   one line per image of a record: where it lies and what the model really said
rejects.jsonl   tickets without a record, and why
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from mlcore.coordjson.errors import CoordJsonError
from mlcore.errors import DataError, GatehouseError
from mlcore.stage_a.answer import Answer, Job
from mlcore.stage_a.group import Group
from mlcore.stage_a.record import FILE, StageARecord, parse_stage_a
from mlcore.stage_a.sanitise import Form, Summary, sanitised

ANSWERS, REJECTS = "answers.jsonl", "rejects.jsonl"
FILES = (FILE, ANSWERS, REJECTS)
IMAGES = "images"


@dataclass(frozen=True)
class AnswerRow:
    """One image of a written record. `said` is the model's own text, `path` is below the source's
    root; `new_tokens` counts those of the answer."""

    ticket_key: str
    image: str
    path: str
    said: str
    form: Form
    mended: bool
    finished: bool
    new_tokens: int


@dataclass(frozen=True)
class Settled:
    """A ticket that is done: its record, or none where it was rejected."""

    group: Group
    record: StageARecord | None
    rows: tuple[AnswerRow, ...] = ()


@dataclass(frozen=True)
class _Reject:
    reason: str
    image: str = ""
    where: str = ""


class Ledger:
    """Takes answers in any order and writes tickets in their own.

    `settled` has every ticket that is done. With `resume` the tickets of an earlier attempt stay
    and are not asked again; without it files of an earlier run are replaced. `keep_from` is the
    root of the pictures, where they are to be copied.
    """

    def __init__(
        self,
        folder: Path,
        mission: str,
        groups: Sequence[Group],
        max_reject_share: float,
        *,
        resume: bool,
        keep_from: Path | None = None,
    ) -> None:
        self.settled: list[Settled] = []
        self._folder, self._mission, self._groups = folder, mission, groups
        self._most_rejects = max_reject_share
        self._waiting: dict[int, dict[int, Answer]] = {}
        self._keep_from = keep_from
        kept: Mapping[str, Sequence[str]] = self._restored() if resume else {}
        if not resume:
            shutil.rmtree(folder / IMAGES, ignore_errors=True)
        self._files: dict[str, IO[str]] = {}
        for name in FILES:
            file = (folder / name).open("w", encoding="utf-8")
            file.writelines(kept.get(name, ()))
            file.flush()
            self._files[name] = file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()

    @property
    def rejected(self) -> int:
        """Tickets without a record."""
        return sum(one.record is None for one in self.settled)

    def jobs(self) -> list[Job]:
        """What is still to be asked, in the order of tickets and images."""
        first = len(self.settled)
        return [
            Job(number, place, f"{group.group_id}/{photo.name}", photo.path)
            for number, group in enumerate(self._groups[first:], start=first)
            if not group.problem
            for place, photo in enumerate(group.photos)
        ]

    def take(self, answers: Sequence[Answer]) -> list[Settled]:
        """Note answers; returns the tickets that are done now, which are written and flushed.

        Raises DataError when too many tickets are rejected, and GatehouseError for an image that
        is answered twice.
        """
        for answer in answers:
            job = answer.job
            found = self._waiting.setdefault(job.group, {})
            if job.group < len(self.settled) or job.place in found:
                raise GatehouseError(f"{job.name} was answered twice", where=job.path)
            found[job.place] = answer
        done: list[Settled] = []
        while len(self.settled) < len(self._groups):
            group = self._groups[len(self.settled)]
            found = self._waiting.get(len(self.settled), {})
            if not group.problem and len(found) < len(group.photos):
                break
            self._waiting.pop(len(self.settled), None)
            one = self._settle(group, [found[place] for place in sorted(found)])
            self.settled.append(one)
            done.append(one)
            share = self.rejected / len(self._groups)
            if one.record is None and share > self._most_rejects:
                raise self._too_many(one)
        return done

    def finish(self) -> None:
        """Raises GatehouseError where a ticket is not done although everybody has answered."""
        if len(self.settled) < len(self._groups):
            group = self._groups[len(self.settled)]
            raise GatehouseError(
                f"{group.ticket_key} lacks answers although all images were asked",
                where=group.ticket_key,
            )

    def _settle(self, group: Group, answers: Sequence[Answer]) -> Settled:
        outcome = self._outcome(group, answers)
        if isinstance(outcome, _Reject):
            head = {"ticket_key": group.ticket_key, "group_id": group.group_id}
            images = [photo.path for photo in group.photos]
            row = {**head, "label": group.label, **asdict(outcome), "images": images}
            self._write(REJECTS, row)
            return Settled(group, None)
        record, summaries = outcome
        rows = tuple(_rows(group, answers, summaries))
        # The record comes last: where it is there, so are its pictures and answers.
        self._keep(group)
        for line in rows:
            self._write(ANSWERS, asdict(line))
        self._write(FILE, record.to_json())
        return Settled(group, record, rows)

    def _outcome(
        self, group: Group, answers: Sequence[Answer]
    ) -> tuple[StageARecord, list[Summary]] | _Reject:
        if group.problem:
            return _Reject(group.problem)
        summaries = []
        for photo, answer in zip(group.photos, answers, strict=True):
            if answer.text is None:
                return _Reject(answer.problem, photo.name, photo.path)
            try:
                summaries.append(sanitised(answer.text))
            except CoordJsonError as error:
                return _Reject(error.reason, photo.name, photo.path)
        names = tuple(photo.name for photo in group.photos)
        texts = tuple(summary.text for summary in summaries)
        made = StageARecord(group.group_id, self._mission, group.label, names, texts)
        try:
            return parse_stage_a(made.to_json(), group.ticket_key), summaries
        except DataError as error:
            return _Reject(error.message, where=error.where)

    def _keep(self, group: Group) -> None:
        if self._keep_from is None:
            return
        folder = self._folder / IMAGES / group.label / group.group_id
        folder.mkdir(parents=True, exist_ok=True)
        for photo in group.photos:
            shutil.copyfile(self._keep_from / photo.path, folder / photo.name)

    def _write(self, name: str, row: Mapping[str, Any]) -> None:
        self._files[name].write(json.dumps(row, ensure_ascii=False) + "\n")
        self._files[name].flush()

    def _too_many(self, last: Settled) -> DataError:
        row = list(_values(self._folder / REJECTS))[-1][1]
        return DataError(
            f"{self.rejected} of {len(self._groups)} tickets have no summary of every image, more "
            f"than {self._most_rejects:.1%}; the last, {last.group.ticket_key}: {row['reason']}",
            hint=f"{REJECTS} names every one. Mend the images, or raise max_reject_share.",
            where=str(row["where"] or last.group.ticket_key),
        )

    def _restored(self) -> dict[str, list[str]]:
        """Take the tickets that an earlier attempt left whole as done, up to the first that it did
        not; returns the lines that stay."""
        records, rejects = (list(_values(self._folder / name)) for name in (FILE, REJECTS))
        said: dict[str, list[tuple[str, Any]]] = {}
        for line, value in _values(self._folder / ANSWERS):
            said.setdefault(value["ticket_key"], []).append((line, value))
        kept: dict[str, list[str]] = {name: [] for name in FILES}
        for group in self._groups:
            if rejects and rejects[0][1]["images"] == [photo.path for photo in group.photos]:
                kept[REJECTS].append(rejects.pop(0)[0])
                self.settled.append(Settled(group, None))
                continue
            if not records or group.problem:
                break
            line, value = records.pop(0)
            record, answers = parse_stage_a(value, FILE), said.get(group.ticket_key, [])
            if record.ticket_key != group.ticket_key or len(answers) != len(group.photos):
                break
            kept[FILE].append(line)
            kept[ANSWERS] += [row for row, _ in answers]
            rows = tuple(AnswerRow(**row) for _, row in answers)
            self.settled.append(Settled(group, record, rows))
        return kept


def _rows(
    group: Group, answers: Sequence[Answer], summaries: Sequence[Summary]
) -> Iterator[AnswerRow]:
    for photo, answer, summary in zip(group.photos, answers, summaries, strict=True):
        yield AnswerRow(
            group.ticket_key,
            photo.name,
            photo.path,
            answer.text or "",
            summary.form,
            summary.mended,
            answer.finished,
            answer.new_tokens,
        )


def _values(path: Path) -> Iterator[tuple[str, Any]]:
    """Every whole line of a file with its JSON value, up to the first that is torn."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            try:
                value = json.loads(line)
            except ValueError:
                return
            if not line.endswith("\n"):
                return
            yield line, value
