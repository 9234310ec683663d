"""An older training config into an `sft` config, with the fate of every key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcore.config.compose import Composed, Source, compose
from mlcore.config.load import load_text
from mlcore.config.yaml_text import Comments, yaml_text
from mlcore.config.yaml_tree import dotted, read_comments, read_yaml
from mlcore.errors import ConfigError, DataError
from mlcore.run.aside import written_aside
from mlcore.train.config import SftConfig
from mlcore.train.old.beside import Beside, Folder
from mlcore.train.old.draft import STATUSES, Draft, Fate, NotCarried
from mlcore.train.old.keys import TABLE, Row
from mlcore.train.old.tuner import complete_tuning
from mlcore.train.old.values import CONVERTERS

REPORT = "config_migration/1"
REQUIRED = {
    "model.checkpoint": "the checkpoint folder to start from",
    "data.dataset": "the dataset folder, with its dataset.json",
    "steps": "the number of optimiser steps",
}
WITHOUT = "the old framework's default, which no key said"


@dataclass(frozen=True)
class ConfigMigration:
    """The new text; what became of each old key, in the order of the old file; what was set
    without one, with the reason; and what a person must fill in, by new key."""

    text: str
    fates: tuple[Fate, ...]
    settings: Mapping[str, tuple[Any, str]]
    fill_in: Mapping[str, str]

    @property
    def loads(self) -> bool:
        """Whether `mlcore check` accepts the text as it is."""
        return not self.fill_in

    def to_json(self) -> dict[str, Any]:
        """The report as plain data; `line` counts in the new file."""
        positions = read_yaml(self.text, "").positions
        lines = {dotted(path): at.line for path, at in positions.items()}
        return {
            "schema": REPORT,
            "loads": self.loads,
            "counts": {s: sum(fate.status == s for fate in self.fates) for s in STATUSES},
            "keys": [fate.to_json() for fate in self.fates],
            "set": [
                {"key": key, "value": value, "why": why}
                for key, (value, why) in self.settings.items()
            ],
            "fill_in": [
                {"key": key, "line": lines.get(key, 0), "why": why}
                for key, why in self.fill_in.items()
            ],
        }


def migrate_config(source: Path, out: Path) -> ConfigMigration:
    """Write `out`, whole or not at all. Files that the old config names are looked for beside it.

    Raises ConfigError where `out` exists or the source is no config of the older form, DataError
    where it cannot be read.
    """
    if out.exists():
        raise ConfigError(f"{out} exists", hint="Nothing is written in place; give another file.")
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {source}: {error}", where=str(source)) from error
    done = migrated(Source(str(source), text), Folder(source.parent), out.name)
    with written_aside(out) as (file,):
        file.write(done.text)
    return done


def migrated(source: Source, beside: Beside, name: str = "config.yaml") -> ConfigMigration:
    """The same from a text. `beside` has its `extends` and the other files that it names.

    Raises ConfigError where the source is no config of the older form.
    """
    composed = compose(source, beside.parent)
    if composed.problems:
        raise ConfigError(
            f"{source.path} cannot be read as YAML: {composed.problems[0]}",
            problems=composed.problems, hint="Nothing is written before it can be.",
        )
    if not isinstance(composed.data, dict) or not composed.data or "kind" in composed.data:
        raise ConfigError(
            f"{source.path} is no config of the older form",
            hint="`mlcore check FILE` tells whether a config is one of today's.",
        )
    draft = Draft(composed.data, beside)
    _work_through(draft)
    _complete(draft)
    data = _nested(draft)
    comments = _comments(draft, composed)
    text = yaml_text(data, comments)
    _hold(text, name, draft)
    order = {key: at for at, (key, _) in enumerate(_leaves(composed.data, ""))}
    fates = sorted(draft.fates, key=lambda fate: _place(fate.key, order))
    return ConfigMigration(text, tuple(fates), draft.settings, draft.fill_in)


def _work_through(draft: Draft) -> None:
    found: list[tuple[int, Row | None, str, Any]] = []
    for key, value in _leaves(draft.old, ""):
        at, row = _row(key)
        found.append((at, row, key, value))
    for _at, row, key, value in sorted(found, key=lambda item: item[0]):
        if row is None:
            draft.tell(key, value, "unknown", note="nothing was carried")
            continue
        _work(row, key, value, draft)


def _work(row: Row, key: str, value: Any, draft: Draft) -> None:
    if row.status != "carried" and row.how == "same":
        off = key != "enabled" and draft.given(f"{key.rpartition('.')[0]}.enabled") is False
        if off and row.status == "unsupported":
            draft.tell(key, value, "removed", note="it was switched off")
        else:
            draft.tell(key, value, row.status, note=row.note)
        return
    try:
        made = CONVERTERS[row.how](row.to, value, draft)
    except NotCarried as error:
        draft.tell(key, value, error.status, note=error.note or row.note)
        return
    draft.take(key, value, made)
    if row.note and not made.note:
        last = draft.fates[-1]
        if last.status == "carried":
            draft.fates[-1] = Fate(key, value, last.status, last.to, row.note)


EXACT = {row.key: (at, row) for at, row in enumerate(TABLE) if not row.key.endswith(".*")}
BELOW = {row.key[:-2]: (at, row) for at, row in enumerate(TABLE) if row.key.endswith(".*")}


def _row(key: str) -> tuple[int, Row | None]:
    """The row of a key: its own, or that of the nearest section above it."""
    if key in EXACT:
        return EXACT[key]
    section = key
    while section:
        if section in BELOW:
            return BELOW[section]
        section = section.rpartition(".")[0]
    return len(TABLE), None


def _leaves(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Dotted keys that are told about: those with a row, and below the others every leaf."""
    for key, item in value.items():
        here = f"{prefix}{key}"
        if here not in EXACT and isinstance(item, Mapping) and item:
            yield from _leaves(item, f"{here}.")
        else:
            yield here, item


def _place(key: str, order: Mapping[str, int]) -> tuple[int, str]:
    """Where a key stands; what was told below a key follows it."""
    section = key
    while section and section not in order:
        section = section.rpartition(".")[0]
    return order.get(section, len(order)), "" if section == key else key


def _complete(draft: Draft) -> None:
    """What older runs did without a key for it, and what is still missing."""
    draft.set("kind", "sft", "these configs were for training")
    draft.set("model.type", "checkpoint", "older runs started from a checkpoint")
    draft.set("optim.optimizer", "adamw", WITHOUT)
    if "coord_loss.mean_over" not in draft.new:
        draft.set("coord_loss", None, "older runs had plain cross-entropy here")
    complete_tuning(draft, WITHOUT)
    if draft.new.get("data.type") != "fusion":
        draft.set("data.summary_share", 0.0, "older runs were dense unless they said use_summary")
    if draft.new.get("messages.answer.grammar") == "coordjson":
        draft.set("messages.object_order", "reference_tlbr", "records with coord tokens had it")
    if draft.new.get("data.summary_share") == 1.0:
        draft.set("messages.profile", "summary_train_min", WITHOUT)
    elif "messages.domain" in draft.new:
        draft.set("messages.profile", "dense", "the older words for an equipment family")
    for key, why in REQUIRED.items():
        if draft.fused and key == "data.dataset":
            continue
        if key not in draft.new:
            draft.fill_in.setdefault(key, why)
    for key in draft.fill_in:
        draft.new.setdefault(key, None)


def _nested(draft: Draft) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in draft.new.items():
        *sections, last = key.split(".")
        here = tree
        for section in sections:
            here = here.setdefault(section, {})
        here[last] = value
    return {key: _types_first(tree[key]) for key in SftConfig.model_fields if key in tree} | {
        key: value for key, value in tree.items() if key not in SftConfig.model_fields
    }


def _types_first(value: Any) -> Any:
    if not isinstance(value, dict) or "type" not in value:
        return value
    return {"type": value["type"], **value}


def _comments(draft: Draft, composed: Composed) -> Comments:
    """What the old files said at the keys that were carried, and what is to be filled in."""
    files = {source.path: read_comments(source.text) for source in composed.sources}
    head = _head(files[composed.sources[-1].path][0])
    above: dict[tuple[str | int, ...], list[str]] = {("kind",): head}
    beside: dict[tuple[str | int, ...], str] = {}
    for new, old in draft.origin.items():
        at = composed.positions.get(tuple(old.split(".")))
        if at is None:
            continue
        alone, after = files[at.file]
        path = tuple(new.split("."))
        line = at.line - 1
        while line in alone:
            above.setdefault(path, []).insert(0, alone.pop(line))
            line -= 1
        if at.line in after:
            beside[path] = after.pop(at.line)
    for key, why in draft.fill_in.items():
        beside[tuple(key.split("."))] = f"FILL IN: {why}"
    return Comments(above, beside)


def _head(alone: dict[int, str]) -> list[str]:
    """Take out the comment that a file begins with."""
    taken: list[str] = []
    while len(taken) + 1 in alone:
        taken.append(alone.pop(len(taken) + 1))
    return taken


def _hold(text: str, name: str, draft: Draft) -> None:
    """Check the new text; what is wrong with it is for a person to fill in."""
    try:
        load_text(text, name)
    except ConfigError as error:
        for problem in error.problems:
            draft.fill_in.setdefault(problem.path, problem.message)
