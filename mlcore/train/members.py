"""The datasets that a run learns from, opened and checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from mlcore.chat.messages import Conversation, read_conversations
from mlcore.contract.conversations import conversations_entry, require_unchanged
from mlcore.contract.limits import check_limits
from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.records import Record
from mlcore.contract.validate import Validation, require_valid
from mlcore.errors import DataError
from mlcore.fusion.config import FusionConfig, SourceConfig, TargetConfig
from mlcore.run.context import RunContext
from mlcore.train.config import SftConfig


@dataclass(frozen=True)
class Member:
    """One dataset with the valid records of its splits; a source has none to be looked at, and
    one of conversations has no records at all. `fingerprint` names what is learned from."""

    config: TargetConfig | SourceConfig
    dataset: Dataset
    train: list[Record]
    val: list[Record]
    fingerprint: str
    talks: list[Conversation] = field(default_factory=list)


@dataclass(frozen=True)
class TrainingData:
    """Every dataset of a run, targets first."""

    members: list[Member]

    @property
    def targets(self) -> list[Member]:
        """The datasets that the model is for."""
        return [m for m in self.members if isinstance(m.config, TargetConfig)]

    @property
    def fingerprint(self) -> str:
        """Names the content of all datasets; that of a single one is its own."""
        prints = [member.fingerprint for member in self.members]
        if len(prints) == 1:
            return prints[0]
        return hashlib.sha256("\n".join(prints).encode()).hexdigest()


def load_data(config: SftConfig, ctx: RunContext, rejects: Path | None = None) -> TrainingData:
    """Open and validate every dataset; rejected lines go to files in the folder `rejects`.

    Raises DataError before any model is loaded.
    """
    mixture = config.mixture
    checked: dict[Path, Validation] = {}
    members = []
    for member in mixture.members:
        dataset = open_dataset(ctx.resolve(member.dataset))
        if member.conversations is not None:
            members.append(_conversing(member, member.conversations, dataset))
            continue
        splits = [member.split]
        if isinstance(member, TargetConfig):
            splits.append(member.val_split)
        for split in splits:
            dataset.split_file(split)
        if dataset.folder not in checked:
            file = None if rejects is None else rejects / _rejects_name(config, member.name)
            checked[dataset.folder] = require_valid(
                dataset, mixture.max_reject_share, rejects=file
            )
        records = checked[dataset.folder].records
        train, *val = (list(records[split]) for split in splits)
        check_limits(chain(train, *val), dataset.folder, mixture.max_pixels)
        _require_summaries(member, train, dataset)
        members.append(Member(member, dataset, train, val[0] if val else [], dataset.fingerprint))
    return TrainingData(members)


def _conversing(member: TargetConfig | SourceConfig, name: str, dataset: Dataset) -> Member:
    """A source of conversations. Raises DataError at a bad line, at a file that was changed, and
    at a conversation without an answer to learn."""
    fingerprint = require_unchanged(dataset, name)
    path, _ = conversations_entry(dataset, name)
    talks = list(read_conversations(path))
    for talk in talks:
        if talk.turns[-1].role != "assistant":
            raise DataError(
                f"the conversation {talk.id} ends with the {talk.turns[-1].role}",
                hint="What is learned is the assistant's last turn.",
                where=str(path),
            )
    return Member(member, dataset, [], [], fingerprint, talks)


def _rejects_name(config: SftConfig, name: str) -> str:
    return f"rejects-{name}.jsonl" if isinstance(config.data, FusionConfig) else "rejects.jsonl"


def _require_summaries(
    member: TargetConfig | SourceConfig, train: list[Record], dataset: Dataset
) -> None:
    if member.summary_share == 0:
        return
    for record in train:
        if not record.summary:
            raise DataError(
                f"records of the split {member.split!r} of {dataset.name} have no summary "
                f"({record.id} for one), but its summary_share is above 0",
                hint="Set summary_share: 0 for this dataset to learn dense captions only.",
                where=str(dataset.folder),
            )
