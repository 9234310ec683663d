"""Rendered samples: a draw of the order becomes what the model reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlcore.augment.pipeline import Augmented, Augmenter
from mlcore.chat.messages import Conversation
from mlcore.chat.prompts import Mode
from mlcore.chat.render import Renderer, RgbImage, TrainingExample
from mlcore.contract.records import Record, SceneObject
from mlcore.errors import DataError
from mlcore.fusion.config import SourceConfig, TargetConfig
from mlcore.fusion.preprocessor import PREPARED, prepare_record
from mlcore.models.images import read_rgb
from mlcore.randomness import sample_rng
from mlcore.train.order import Draw

SKIPS = (
    "same_size",
    "no_anchor",
    "no_objects",
    "min_objects",
    "line",
    "no_target",
    "no_place",
    "no_patch",
)
"""why an op did nothing although the draw said yes; any other reason is counted as `other`"""
COUNTERS = (
    *(f"data/{name}" for name in PREPARED),
    "data/several_images",
    "augment/samples",
    "augment/applied",
    "augment/bypassed",
    "augment/lost_objects",
    "augment/pasted_objects",
    "augment/partial_objects",
    "augment/too_long",
    "augment/too_large",
    *(f"augment/skipped/{reason}" for reason in (*SKIPS, "other")),
)
"""what is counted of samples: one list, so that ranks can add theirs up"""


@dataclass(frozen=True)
class Sample:
    """One rendered sample, the draw that it is, and what was done to it by counter name."""

    example: TrainingExample
    draw: Draw
    counted: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Feed:
    """One dataset as training reads it: its fitting records, images below `root`, its prompts.

    `augmenter` is None where samples stay as they are. A source of conversations has `talks` and
    no records.
    """

    config: TargetConfig | SourceConfig
    records: list[Record]
    root: Path
    renderer: Renderer
    seed: int
    max_pixels: int
    augmenter: Augmenter | None = None
    talks: list[Conversation] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.talks or self.records)

    def name(self, number: int) -> str:
        """The id of a record or conversation."""
        return self.talks[number].id if self.talks else self.records[number].id

    def talk_length(self, talk: Conversation) -> int:
        """Tokens of a conversation."""
        return len(self.renderer.conversation_example(talk, self.root))

    def length(self, record: Record) -> int:
        """The most tokens that any sample of a record can have, before augmentation."""
        return max(self.renderer.length(self._longest(record, m), m) for m in self.config.modes)

    def sample(self, draw: Draw, step: int, steps: int, limit: int) -> Sample:
        """The sample of a draw at `step` of `steps`, of at most `limit` tokens.

        An augmented sample that came out too long or too large is taken as the record is, which
        fits, and counted. Raises DataError for a picture that cannot be read or used.
        """
        if draw.mode == "chat":
            talk = self.talks[draw.record]
            return Sample(self.renderer.conversation_example(talk, self.root), draw)
        record = self.records[draw.record]
        if self.augmenter is None:
            return self._render(draw, record, None)
        if len(record.images) != 1:
            return self._counted(self._render(draw, record, None), {"data/several_images": 1})
        image = read_rgb(self.root / record.images[0])
        varied = self.augmenter(record, image, draw.visit, step, steps)
        counted = _happened(varied)
        self._require_size(varied)
        sample = self._render(draw, varied.record, varied.image)
        large = varied.record.width * varied.record.height > self.max_pixels
        if large or len(sample.example) > limit:
            sample = self._render(draw, record, image)
            counted = {"augment/too_large" if large else "augment/too_long": 1}
        return self._counted(sample, {**counted, "augment/samples": 1})

    def _render(self, draw: Draw, record: Record, image: RgbImage | None) -> Sample:
        assert draw.mode != "chat"
        counted = {}
        if draw.mode == "dense":
            name = f"{self.config.name}/{record.id}"
            rng = sample_rng(self.seed, draw.visit, name, "fusion.objects")
            prepared = prepare_record(record, self.config.steps, rng)
            record = prepared.record
            counted = {f"data/{name}": count for name, count in prepared.counted.items()}
        example = self.renderer.training_example(record, self.root, draw.mode, image=image)
        return Sample(example, draw, counted)

    def _counted(self, sample: Sample, more: Mapping[str, int]) -> Sample:
        return replace(sample, counted={**sample.counted, **more})

    def _require_size(self, varied: Augmented) -> None:
        multiple = self.renderer.kit.patcher.multiple
        if varied.record.width % multiple or varied.record.height % multiple:
            raise DataError(
                f"{varied.record.id} is {varied.record.width} x {varied.record.height} after "
                f"augmentation by {', '.join(varied.telemetry.applied)}; sides must be multiples "
                f"of {multiple}",
                hint=f"End the ops that move the picture with expand_to_fit, multiple: {multiple}.",
                where=varied.record.id,
            )

    def _longest(self, record: Record, mode: Mode) -> Record:
        """The record with the objects that would make the longest answer under its limit."""
        if mode == "summary":
            return record

        def length(item: SceneObject) -> int:
            return self.renderer.length(replace(record, objects=(item,)), mode)

        longest = record
        for step in self.config.steps:
            longest = step.longest(longest, length)
        return longest


@dataclass(frozen=True)
class Source:
    """The samples of a run by draw. `labels` name the datasets of a mixture in metrics."""

    feeds: Sequence[Feed]
    labels: Sequence[str]
    max_length: int
    steps: int

    @property
    def pad_id(self) -> int:
        """The token that fills rows up."""
        return self.feeds[0].renderer.ids.pad

    def sample(self, draw: Draw, step: int) -> Sample:
        """The sample of a draw at `step`, counted from 0.

        Raises DataError when it is longer than the limit, which the check before training rules
        out.
        """
        sample = self.feeds[draw.member].sample(draw, step, self.steps, self.max_length)
        if len(sample.example) > self.max_length:
            raise DataError(
                f"{sample.example.record_id} has {len(sample.example)} tokens, "
                f"the limit is {self.max_length}",
                hint="Raise global_max_length or take the record out; nothing is ever cut.",
                where=sample.example.record_id,
            )
        return sample

    def name(self, draw: Draw) -> str:
        """The record of a draw, for messages."""
        return self.feeds[draw.member].name(draw.record)


def _happened(varied: Augmented) -> dict[str, int]:
    """What augmentation did to one sample, by counter."""
    told = varied.telemetry
    out = {
        "augment/applied": int(bool(told.applied)),
        "augment/bypassed": int(told.bypassed),
        "augment/lost_objects": len(told.lost),
        "augment/pasted_objects": len(told.pasted),
        "augment/partial_objects": len(told.partial),
    }
    for step in told.steps:
        if step.skipped and step.skipped != "prob":
            reason = step.skipped if step.skipped in SKIPS else "other"
            key = f"augment/skipped/{reason}"
            out[key] = out.get(key, 0) + 1
    return out
