"""The config of a `predict` run. Light: imports no torch."""
from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from mlcore.chat.config import MessagesConfig
from mlcore.chat.prompts import Mode
from mlcore.config.base import RUNTIME, AdapterRef, DatasetRef, JobConfig, ModelRef, StrictModel
from mlcore.contract.limits import DEFAULT_MAX_PIXELS, MaxPixels


class ModelSystem(StrictModel):
    """A trained checkpoint answers."""

    type: Literal["model"]
    """which system answers"""
    model: ModelRef
    """the checkpoint folder"""


class AdapterSystem(StrictModel):
    """A checkpoint with an adapter answers, as the merged one would."""

    type: Literal["adapter"]
    """which system answers"""
    model: ModelRef
    """the checkpoint folder that the adapter was made for"""
    adapter: AdapterRef
    """the adapter folder"""


class UntrainedSystem(StrictModel):
    """The same architecture and tokenizer with freshly drawn weights: a floor."""

    type: Literal["untrained"]
    """which system answers"""
    model: ModelRef
    """the checkpoint whose config and tokenizer are used, not its weights"""


class ConstantSystem(StrictModel):
    """One fixed answer for every image, the most usual one of the train split: a floor."""

    type: Literal["constant"]
    """which system answers"""


System = Annotated[
    ModelSystem | AdapterSystem | UntrainedSystem | ConstantSystem, Field(discriminator="type")
]


class SamplingConfig(StrictModel):
    """How tokens are drawn."""

    temperature: float = Field(default=0.0, ge=0.0, le=5.0)
    """0 takes the likeliest token each time"""
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    """draw from the likeliest tokens that together have this probability"""
    repetition_penalty: float = Field(default=1.0, ge=1.0, le=2.0)
    """above 1 makes tokens that were already said less likely"""


class PredictConfig(JobConfig):
    """Let a system answer for every image of a split."""

    kind: Literal["predict"]
    """the job kind"""
    dataset: DatasetRef
    """the dataset whose images are answered"""
    split: str = Field(default="val", min_length=1)
    """which split"""
    system: System
    """who answers"""
    modes: list[Mode] = Field(default=["dense", "summary"], min_length=1, max_length=2)
    """which tasks: every object with coordinates, and a summary"""
    messages: MessagesConfig = Field(default_factory=MessagesConfig)
    """what is asked and how it is answered: what the model was trained with"""
    sampling: SamplingConfig = Field(default_factory=SamplingConfig)
    """how tokens are drawn"""
    samples_per_image: int = Field(default=1, ge=1, le=64)
    """answers drawn for each image and mode, each by numbers of its own; more than one needs a
    temperature above 0, and lets an evaluation tell the best of them (oracle-K)"""
    max_new_tokens: int = Field(default=320, ge=1, le=8192, json_schema_extra=RUNTIME)
    """longest answer in tokens; a cut answer is marked as not finished"""
    batch_size: int = Field(default=64, ge=1, le=4096, json_schema_extra=RUNTIME)
    """images that are answered together"""
    limit: int | None = Field(default=None, ge=1, json_schema_extra=RUNTIME)
    """only the first images of the split; empty means all"""
    max_reject_share: float = Field(default=0.01, ge=0.0, le=1.0)
    """largest share of unreadable images before the run stops"""
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS
    """most pixels of an image, by its record and in its file; a larger one stops the run"""
    samples: int = Field(default=4, ge=0, le=64)
    """how many images to show with truth and prediction"""
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", json_schema_extra=RUNTIME)
    """where the model runs; auto takes a GPU when there is one"""
    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", json_schema_extra=RUNTIME
    )
    """number format of the weights"""
    threads: int = Field(default=1, ge=1, le=256, json_schema_extra=RUNTIME)
    """CPU threads"""

    @field_validator("modes")
    @classmethod
    def _each_once(cls, modes: list[Mode]) -> list[Mode]:
        if len(set(modes)) != len(modes):
            raise ValueError("a mode is named twice")
        return modes

    @model_validator(mode="after")
    def _answers_can_differ(self) -> Self:
        if self.samples_per_image == 1:
            return self
        if isinstance(self.system, ConstantSystem):
            raise ValueError("samples_per_image: a constant system has one answer only")
        if self.sampling.temperature == 0:
            raise ValueError(
                "samples_per_image: at temperature 0 all answers to an image are the same; "
                "set sampling.temperature above 0"
            )
        return self

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        for mode in self.modes:
            if mode not in self.messages.modes:
                raise ValueError(f"messages has no words for the task {mode}")
        return self
