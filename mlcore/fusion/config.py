"""The config of a mixture: targets, which the model is for, and sources beside them."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from mlcore.augment.config import AugmentConfig
from mlcore.chat.config import MessagesConfig
from mlcore.chat.prompts import Mode
from mlcore.config.base import DatasetRef, StrictModel
from mlcore.config.named import Named
from mlcore.contract.limits import DEFAULT_MAX_PIXELS, MaxPixels
from mlcore.fusion.preprocessor import PREPROCESSORS, Preprocessor

Role = Literal["target", "source"]
Sampling = Literal["cover", "once", "replace"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
Ratio = Annotated[float, Field(ge=0.0, le=1000.0)]
Quota = Annotated[int, Field(ge=0, le=100_000_000)]
AnyPreprocessor = Annotated[Preprocessor, Named(PREPROCESSORS, Preprocessor)]
"""any registered preprocessor, chosen by `type`"""
SOURCE_OBJECTS = 64
"""most objects of one sample of a source"""
_ROLE_KEYS = {
    "train_jsonl": "give a dataset with `dataset`, and its split with `split`",
    "val_jsonl": "give a dataset with `dataset`, and its split with `val_split`",
    "template": "prompts are those of the run, or of this dataset under `messages`",
    "mode": "write `summary_share`: 0 is dense captions, 1 is summaries, 0.3 is both",
    "use_summary": "write `summary_share: 1`",
    "summary_ratio": "write `summary_share`",
    "summary_label_grouping": "rare labels are not grouped; make the summaries at import",
    "sample_without_replacement": "write `sampling: cover`, `once` or `replace`",
    "max_objects_per_image": "write `max_objects`",
    "augmentation_enabled": "write `augmentation`",
    "curriculum_enabled": "write `curriculum`",
    "poly_fallback": "write `boxes_above: N` to turn polygons of more points into boxes",
    "poly_max_points": "write `boxes_above: N`",
    "user_prompt": "prompts are those of the run, or of this dataset under `messages`",
    "system_prompt": "prompts are those of the run, or of this dataset under `messages`",
    "params": "write its keys directly under the dataset",
}


class MemberConfig(StrictModel):
    """One dataset of a mixture."""

    removed: ClassVar[dict[str, str]] = _ROLE_KEYS

    name: Name
    """its label in the plan and in metrics; unique in the mixture"""
    dataset: DatasetRef
    """the dataset"""
    split: str = Field(default="train", min_length=1)
    """split to learn from"""
    conversations: str | None = Field(default=None, min_length=1)
    """the list of conversations that a source gives, by its name in dataset.json, instead of the
    records of a split; empty means records"""
    quota: Quota | None = None
    """samples of an epoch as a number, instead of a ratio"""
    sampling: Sampling = "cover"
    """cover draws every record before any comes again; once never repeats and takes fewer when
    there are not enough; replace draws each time from all"""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """mixed into the draws of this dataset: another number, other draws"""
    max_records: int | None = Field(default=None, ge=1)
    """learn from at most this many records, always the same ones"""
    summary_share: float = Field(default=0.0, ge=0.0, le=1.0)
    """share of its samples whose task is the summary; the others are dense captions"""
    messages: MessagesConfig | None = None
    """what is asked of its samples, whole; empty means what the run asks"""
    boxes_above: int | None = Field(default=None, ge=0)
    """polygons of more points than this become their bounding boxes, and are counted"""
    max_objects: int | None = Field(default=None, ge=1)
    """most objects of one dense sample; null means all"""
    preprocessors: list[AnyPreprocessor] = Field(default_factory=list)
    """what else is done to the record of a dense sample, in this order, before boxes_above and
    max_objects"""

    @field_validator("preprocessors")
    @classmethod
    def _own_keys(cls, steps: list[Preprocessor]) -> list[Preprocessor]:
        for step in steps:
            if step.type in cls.model_fields:
                raise ValueError(f"{step.type} is a key of the dataset itself")
        return steps

    @property
    def steps(self) -> list[Preprocessor]:
        """Everything that is done to the record of a dense sample, in its order."""
        given = {"boxes_above": ("points", self.boxes_above),
                 "max_objects": ("most", self.max_objects)}
        made = [
            PREPROCESSORS.get(name).model_validate({"type": name, key: value})
            for name, (key, value) in given.items()
            if value is not None
        ]
        return [*self.preprocessors, *made]

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The tasks that samples of its records are for."""
        if self.conversations is not None:
            return ()
        dense: tuple[Mode, ...] = ("dense",) if self.summary_share < 1 else ()
        return (*dense, "summary") if self.summary_share > 0 else dense


class TargetConfig(MemberConfig):
    """A dataset that the model is for: looked at while training, covered in every epoch."""

    val_split: str = Field(default="val", min_length=1)
    """split for the evaluations during training; never learned from"""
    ratio: Ratio | None = None
    """samples of an epoch per record; 1 unless a quota is given: every record once"""
    augmentation: bool = True
    """whether the run's augmentation applies to it"""
    curriculum: bool = True
    """whether the augmentation's curriculum applies to it"""

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        if self.ratio is not None and self.quota is not None:
            raise ValueError("give a ratio or a quota, not both")
        return self

    @model_validator(mode="after")
    def _has_records(self) -> Self:
        if self.conversations is not None:
            raise ValueError(
                "a target is looked at by its records; give conversations as a source"
            )
        return self


class SourceConfig(MemberConfig):
    """A dataset beside the targets: its size is a share of theirs. Never evaluated."""

    removed: ClassVar[dict[str, str]] = {
        **_ROLE_KEYS,
        "val_split": "a source is never evaluated; make it a target if it should be",
    }

    ratio: Ratio | None = None
    """samples of an epoch per sample of all targets"""
    max_objects: int | None = Field(default=SOURCE_OBJECTS, ge=1)
    """most objects of one dense sample; null means all"""
    augmentation: bool = False
    """whether the run's augmentation applies to it"""
    curriculum: bool = False
    """whether the augmentation's curriculum applies to it"""

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        if (self.ratio is None) == (self.quota is None):
            raise ValueError("a source needs a ratio or a quota, one of the two")
        return self

    @model_validator(mode="after")
    def _says_nothing_of_records(self) -> Self:
        if self.conversations is None:
            return self
        idle = [
            *("split", "summary_share", "messages", "boxes_above", "max_objects"),
            *("preprocessors", "augmentation", "curriculum"),
        ]
        fields, values = type(self).model_fields, dict(self)
        given = [
            key for key in idle
            if values[key] != fields[key].get_default(call_default_factory=True)
        ]
        if given:
            raise ValueError(f"{given[0]} does nothing for conversations, which have no records")
        return self


class FusionConfig(StrictModel):
    """Several datasets in one training run."""

    removed: ClassVar[dict[str, str]] = {
        "target": "targets are a list: write `targets:` with one item",
        "source": "sources are a list: write `sources:` with one item",
        "dataset": "with `type: fusion` datasets stand in `targets` and `sources`",
        "train_split": "each dataset of a mixture has its own `split`",
        "val_split": "each target has its own `val_split`",
        "summary_share": "each dataset of a mixture has its own `summary_share`",
        "summary_label_grouping": _ROLE_KEYS["summary_label_grouping"],
    }

    type: Literal["fusion"]
    """where the samples come from"""
    targets: list[TargetConfig] = Field(min_length=1)
    """what the model is for"""
    sources: list[SourceConfig] = Field(default_factory=list)
    """what it learns beside that"""
    max_reject_share: float = Field(default=0.01, ge=0.0, le=1.0)
    """largest share of bad records in any dataset before the run stops"""
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS
    """most pixels of an image, by its record and in its file; a larger one stops the run"""
    augmentation: AugmentConfig | None = None
    """how samples are varied, of the datasets that want it; null means not at all"""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        counts = Counter(member.name for member in self.members)
        double = [name for name, count in counts.items() if count > 1]
        if double:
            raise ValueError(f"the name {double[0]!r} is given to {counts[double[0]]} datasets")
        return self

    @property
    def members(self) -> list[TargetConfig | SourceConfig]:
        """Every dataset, targets first."""
        return [*self.targets, *self.sources]


def role_of(member: TargetConfig | SourceConfig) -> Role:
    """Whether a dataset is a target or a source."""
    return "target" if isinstance(member, TargetConfig) else "source"
