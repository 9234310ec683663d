"""The plan of one epoch of a mixture: a pure function of config, record counts, seed and epoch.

    quota of a target = round(records x ratio)
    quota of a source = round(quota of all targets together x ratio)

`round` is Python's: a half goes to the even number. A target of ratio 1 gives every record exactly
once. Draws come from stable hashes of (seed, epoch, name), so a plan is the same in every process,
and neither the number of ranks nor another dataset of the mixture changes which records one gives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlcore.errors import DataError
from mlcore.fusion.config import FusionConfig, Role, SourceConfig, TargetConfig, role_of
from mlcore.randomness import sample_rng

SCHEMA = "fusion_plan/1"
Indices = npt.NDArray[np.int64]
Member = TargetConfig | SourceConfig


@dataclass(frozen=True)
class PlanRow:
    """What one dataset gives in an epoch.

    `records` are all of its split, `pool` those that may be drawn; `quota` is the number of
    samples, of which `unique` are different records and `repeats` come again; `summaries` of them
    are summaries. `note` says what was done otherwise than asked, and is empty if nothing was.
    """

    name: str
    role: Role
    dataset: str
    split: str
    records: int
    pool: int
    asked: int
    quota: int
    unique: int
    repeats: int
    summaries: int
    task: str
    sampling: str
    prompts: str
    augmentation: str
    max_objects: int | None
    boxes_above: int | None
    note: str


@dataclass(frozen=True, eq=False)
class EpochPlan:
    """The samples of one epoch in their order, and the sum of them by dataset.

    Arrays of one length: `member` is the place of the dataset in `rows`, `record` the index in
    its split, `repeat` how often that record came before in this epoch, `summary` whether the
    task is the summary.
    """

    epoch: int
    rows: tuple[PlanRow, ...]
    member: Indices
    record: Indices
    repeat: Indices
    summary: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.member)

    @property
    def digest(self) -> str:
        """SHA-256 over the samples in their order."""
        hasher = hashlib.sha256()
        for part in (self.member, self.record, self.repeat, self.summary):
            hasher.update(part.astype("<i8").tobytes())
        return hasher.hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The sums as JSON data; the order is named by its digest."""
        targets = sum(row.quota for row in self.rows if row.role == "target")
        return {
            "schema": SCHEMA,
            "epoch": self.epoch,
            "samples": len(self),
            "targets": targets,
            "sources": len(self) - targets,
            "digest": self.digest,
            "datasets": [asdict(row) for row in self.rows],
        }


def quotas(config: FusionConfig, sizes: Mapping[str, int]) -> dict[str, int]:
    """Samples asked of each dataset in an epoch, by name, before `sampling: once` cuts any.

    `sizes` are the record counts of the splits. Raises DataError when a dataset that should give
    samples has no record, or when the targets give none at all.
    """
    asked = {}
    for target in config.targets:
        ratio = 1.0 if target.ratio is None else target.ratio
        pool = _pool_size(target, sizes)
        asked[target.name] = target.quota if target.quota is not None else round(pool * ratio)
    total = sum(_given(t, asked[t.name], _pool_size(t, sizes)) for t in config.targets)
    for source in config.sources:
        by_ratio = round(total * source.ratio) if source.ratio is not None else 0
        asked[source.name] = source.quota if source.quota is not None else by_ratio
        wanted = source.quota or source.ratio
        if wanted and not _pool_size(source, sizes):
            raise _empty(source)
    for target in config.targets:
        if not _pool_size(target, sizes):
            raise _empty(target)
    if not total:
        raise DataError(
            "the targets give no sample in an epoch",
            hint="Raise a target's ratio or quota.",
        )
    return asked


def epoch_plan(
    config: FusionConfig, sizes: Mapping[str, int], epoch: int, seed: int
) -> EpochPlan:
    """The plan of epoch `epoch`, counted from 0.

    `sizes` maps the names of the datasets to the record counts of their splits. Raises DataError
    as `quotas` does.
    """
    asked = quotas(config, sizes)
    rows = []
    parts: list[tuple[Indices, Indices, Indices, npt.NDArray[np.bool_]]] = []
    for place, member in enumerate(config.members):
        size = sizes[member.name]
        record, repeat = _draws(member, size, asked[member.name], epoch, seed)
        summary = _summaries(member, len(record), epoch, seed)
        rows.append(_row(config, member, size, asked[member.name], repeat, summary))
        parts.append((np.full(len(record), place), record, repeat, summary))
    shuffle = sample_rng(seed, epoch, "", "fusion.shuffle")
    order = shuffle.permutation(sum(len(part[0]) for part in parts))
    columns = [np.concatenate(column)[order] for column in zip(*parts, strict=True)]
    return EpochPlan(epoch, tuple(rows), columns[0], columns[1], columns[2], columns[3])


def _pool_size(member: Member, sizes: Mapping[str, int]) -> int:
    size = sizes[member.name]
    return size if member.max_records is None else min(size, member.max_records)


def _given(member: Member, asked: int, pool: int) -> int:
    return min(asked, pool) if member.sampling == "once" else asked


def _draws(
    member: Member, size: int, asked: int, epoch: int, seed: int
) -> tuple[Indices, Indices]:
    """Record indices of one dataset and how often each came before in this epoch."""
    pool = _pool(member, size, seed)
    rng = sample_rng(seed, epoch, _key(member), "fusion.draw")
    if not asked or not len(pool):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if member.sampling == "replace":
        chosen = pool[rng.integers(0, len(pool), asked)]
        return chosen, _seen_before(chosen)
    count = _given(member, asked, len(pool))
    places = np.arange(count)
    passes = -(-count // len(pool))
    record = np.concatenate([rng.permutation(pool) for _ in range(passes)])[:count]
    return record, places // len(pool)


def _pool(member: Member, size: int, seed: int) -> Indices:
    """The records that may be drawn, in file order; a limit takes the same ones in every epoch."""
    if member.max_records is None or member.max_records >= size:
        return np.arange(size)
    rng = sample_rng(seed, 0, _key(member), "fusion.pool")
    return np.sort(rng.permutation(size)[: member.max_records])


def _seen_before(values: Indices) -> Indices:
    """For every value how many equal ones stand before it."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(ordered)])
    out = np.empty(len(values), np.int64)
    out[order] = np.arange(len(values)) - np.repeat(starts, lengths)
    return out


def _summaries(member: Member, count: int, epoch: int, seed: int) -> npt.NDArray[np.bool_]:
    """Which samples are summaries: exactly the rounded share of them, others in every epoch."""
    rng = sample_rng(seed, epoch, _key(member), "fusion.mode")
    out = np.zeros(count, np.bool_)
    out[rng.permutation(count)[: round(count * member.summary_share)]] = True
    return out


def _key(member: Member) -> str:
    return f"{member.name}/{member.seed}"


def _row(
    config: FusionConfig,
    member: Member,
    size: int,
    asked: int,
    repeat: Indices,
    summary: npt.NDArray[np.bool_],
) -> PlanRow:
    pool = size if member.max_records is None else min(size, member.max_records)
    repeats = int((repeat > 0).sum())
    note = ""
    if len(repeat) < asked:
        note = f"{asked} asked, {pool} records there: taken once each"
    elif repeats and member.sampling == "cover":
        note = f"{asked} asked, {pool} records there: some come again"
    augmentation = "off"
    if config.augmentation is not None and member.augmentation:
        curriculum = member.curriculum and config.augmentation.curriculum is not None
        augmentation = "with curriculum" if curriculum else "on"
    return PlanRow(
        name=member.name,
        role=role_of(member),
        dataset=member.dataset,
        split=member.conversations or member.split,
        records=size,
        pool=pool,
        asked=asked,
        quota=len(repeat),
        unique=len(repeat) - repeats,
        repeats=repeats,
        summaries=int(summary.sum()),
        task=_task(member),
        sampling=member.sampling,
        prompts=_prompts(member),
        augmentation=augmentation,
        max_objects=None if member.conversations else member.max_objects,
        boxes_above=member.boxes_above,
        note=note,
    )


def _task(member: Member) -> str:
    if member.conversations is not None:
        return "chat"
    share = member.summary_share
    return {0.0: "dense", 1.0: "summary"}.get(share, f"summary {share:.0%}")


def _prompts(member: Member) -> str:
    if member.conversations is not None:
        return "their own"
    return "of the run" if member.messages is None else f"own: {member.messages.profile}"


def _empty(member: Member) -> DataError:
    return DataError(
        f"the {role_of(member)} {member.name} has no record in its split "
        f"{member.conversations or member.split!r}",
        hint="Take it out of the mixture, or look at the rejected records of its dataset.",
        where=member.dataset,
    )
