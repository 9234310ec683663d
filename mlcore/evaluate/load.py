"""Answers of a system joined with the records by id."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from mlcore.chat.prompts import MODES, Mode
from mlcore.contract.reader import Dataset
from mlcore.contract.records import Record
from mlcore.coordjson.format import AnswerFormat
from mlcore.errors import DataError
from mlcore.run.hashing import tree_digest, tree_entries

SCHEMA = "predictions/1"


@dataclass(frozen=True)
class Answer:
    """What a system said about one image: its raw text, and whether it came to its end.

    `confidences` has a number 0..1 for each right object of the text; None where none were told.
    """

    text: str
    finished: bool
    confidences: tuple[float, ...] | None = None


@dataclass(frozen=True)
class SystemAnswers:
    """All answers of one system on one split; `format` is what its dense answers are read in.

    `answers[mode]` maps record ids to answers; a record may be absent, which counts as an answer
    that cannot be read. A mode that was never asked for is absent as a whole. `further` has the
    other dense answers to the same images, where a system gave several: one mapping for each.
    """

    name: str
    meta: Mapping[str, Any]
    digest: str
    answers: Mapping[Mode, Mapping[str, Answer]]
    format: AnswerFormat = field(default_factory=AnswerFormat)
    further: Sequence[Mapping[str, Answer]] = ()

    @property
    def draws(self) -> list[Mapping[str, Answer]]:
        """All dense answers, one mapping for each answer to the same images."""
        return [self.answers.get("dense", {}), *self.further]


def load_system(
    name: str,
    folder: Path,
    dataset: Dataset,
    split: str,
    records: Sequence[Record],
    confidence: Literal["mean", "least"] = "mean",
) -> SystemAnswers:
    """Read a predictions folder; `confidence` says which of the two of each object counts.

    Raises DataError when it is not one, was made on another dataset or split, holds an unknown or
    repeated id, or a row that is not complete.
    """
    meta = _meta(name, folder)
    _check_origin(name, folder, meta, dataset, split)
    path = folder / "predictions.jsonl"
    known = {record.id for record in records}
    answers: dict[tuple[Mode, int], dict[str, Answer]] = {}
    for number, row in enumerate(_rows(path), start=1):
        where = f"{path}:{number}"
        mode, draw, identity, answer = _row(row, where, confidence)
        if identity not in known:
            raise DataError(f"{name}: no record of {split!r} has the id {identity!r}", where=where)
        if identity in answers.setdefault((mode, draw), {}):
            raise DataError(f"{name}: a second {mode} answer for {identity!r}", where=where)
        answers[mode, draw][identity] = answer
    modes = {mode for mode, draw in answers if draw == 0} | set(_asked(meta))
    first = {mode: answers.get((mode, 0), {}) for mode in MODES if mode in modes}
    draws = sorted(draw for mode, draw in answers if mode == "dense" and draw > 0)
    return SystemAnswers(
        name,
        meta,
        tree_digest(tree_entries(folder)),
        first,
        _format(name, folder, meta),
        [answers["dense", draw] for draw in draws],
    )


def _asked(meta: Mapping[str, Any]) -> list[Mode]:
    """The modes that the predictions say were asked for."""
    named = meta.get("modes", [])
    return [mode for mode in MODES if isinstance(named, list) and mode in named]


def _format(name: str, folder: Path, meta: Mapping[str, Any]) -> AnswerFormat:
    """The format that the predictions say they were asked for in; CoordJSON where they do not."""
    try:
        return AnswerFormat.model_validate(meta.get("answer", {}))
    except ValidationError as error:
        raise DataError(
            f"{name}: meta.json names no known format of answers", where=str(folder)
        ) from error


def _meta(name: str, folder: Path) -> dict[str, Any]:
    path = folder / "meta.json"
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{name}: {folder} holds no predictions: {error}"
        raise DataError(message, where=str(path)) from error
    if not isinstance(meta, dict) or meta.get("schema") != SCHEMA:
        raise DataError(f"{name}: {path} is not of schema {SCHEMA}", where=str(path))
    return meta


def _check_origin(
    name: str, folder: Path, meta: Mapping[str, Any], dataset: Dataset, split: str
) -> None:
    made_on = str(meta.get("dataset_fingerprint"))
    if made_on != dataset.fingerprint:
        raise DataError(
            f"{name}: the predictions were made on another dataset "
            f"(fingerprint {made_on[:12]}, not {dataset.fingerprint[:12]})",
            hint="Predict again on this dataset, or evaluate on the one they were made on.",
            where=str(folder),
        )
    if meta.get("split") != split:
        raise DataError(
            f"{name}: the predictions are of the split {meta.get('split')!r}, not {split!r}",
            where=str(folder),
        )


def _rows(path: Path) -> Iterator[Any]:
    """The rows of a file, one at a time."""
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise DataError(f"not JSON: {error}", where=f"{path}:{number}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}", where=str(path)) from error


_HALF_PAIR = re.compile("[\ud800-\udfff]")
_KEYS = {"mean": "confidence", "least": "least"}


def _row(
    row: Any, where: str, confidence: Literal["mean", "least"]
) -> tuple[Mode, int, str, Answer]:
    if not isinstance(row, dict):
        raise DataError("a prediction is a JSON object", where=where)
    identity, text, finished = row.get("id"), row.get("text"), row.get("finished")
    if not isinstance(identity, str) or not isinstance(text, str) or not isinstance(finished, bool):
        raise DataError("a prediction needs the keys id, text and finished", where=where)
    if _HALF_PAIR.search(text):
        raise DataError("the text holds half of a surrogate pair", where=where)
    draw = row.get("draw", 0)
    if type(draw) is not int or draw < 0:
        raise DataError("draw is a whole number from 0", where=where)
    answer = Answer(text, finished, _confidences(row.get("objects"), _KEYS[confidence], where))
    for mode in MODES:
        if row.get("mode") == mode:
            return mode, draw, identity, answer
    raise DataError(f"the mode {row.get('mode')!r} is none of {', '.join(MODES)}", where=where)


def _confidences(objects: Any, key: str, where: str) -> tuple[float, ...] | None:
    if objects is None:
        return None
    found = []
    for item in objects if isinstance(objects, list) else [None]:
        value = item.get(key) if isinstance(item, dict) else None
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
            raise DataError(f"objects is a list with a {key} from 0 to 1 each", where=where)
        found.append(float(value))
    return tuple(found)
