"""The config of `sft`. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from mlcore.augment.config import AugmentConfig
from mlcore.chat.config import MessagesConfig
from mlcore.chat.overlength import OverLengthConfig
from mlcore.config.base import RUNTIME, DatasetRef, JobConfig, ModelRef, StrictModel
from mlcore.contract.limits import DEFAULT_MAX_PIXELS, MaxPixels
from mlcore.fusion.config import FusionConfig, SourceConfig, TargetConfig
from mlcore.models.config import TinyRecipe


class CheckpointStart(StrictModel):
    """Start from an ordinary checkpoint folder."""

    type: Literal["checkpoint"]
    """how the model starts"""
    checkpoint: ModelRef
    """the checkpoint to fine-tune"""


class ScratchStart(StrictModel):
    """Build a small model and its tokenizer from the train split."""

    type: Literal["scratch"]
    """how the model starts"""
    recipe: TinyRecipe = Field(default_factory=TinyRecipe)
    """sizes of the new model"""


class DataConfig(StrictModel):
    """One dataset to learn from."""

    removed: ClassVar[dict[str, str]] = {
        "targets": "a mixture of datasets needs `type: fusion`",
        "sources": "a mixture of datasets needs `type: fusion`",
        "fusion": "write `type: fusion` and its `targets` and `sources` under `data`",
    }

    type: Literal["dataset"] = "dataset"
    """where the samples come from"""
    dataset: DatasetRef
    """the dataset"""
    train_split: str = Field(default="train", min_length=1)
    """split to learn from"""
    val_split: str = Field(default="val", min_length=1)
    """split for the evaluations during training; never learned from"""
    summary_share: float = Field(default=0.4, ge=0.0, le=1.0)
    """share of steps whose task is the summary; the others are dense captions with coordinates"""
    max_reject_share: float = Field(default=0.01, ge=0.0, le=1.0)
    """largest share of bad records before the run stops"""
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS
    """most pixels of an image, by its record and in its file; a larger one stops the run"""
    augmentation: AugmentConfig | None = None
    """how training samples are varied; null means not at all"""

    def as_mixture(self) -> FusionConfig:
        """The same as a mixture of one target."""
        target = TargetConfig(
            name="data",
            dataset=self.dataset,
            split=self.train_split,
            val_split=self.val_split,
            summary_share=self.summary_share,
        )
        return FusionConfig(
            type="fusion",
            targets=[target],
            max_reject_share=self.max_reject_share,
            max_pixels=self.max_pixels,
            augmentation=self.augmentation,
        )


def _data_type(value: Any) -> str:
    """What chooses the form of `data`: its `type`, and without one it is one dataset."""
    if isinstance(value, DataConfig | FusionConfig):
        return value.type
    return str(value.get("type", "dataset")) if isinstance(value, dict) else "dataset"


class OptimConfig(StrictModel):
    """How weights change."""

    optimizer: Literal["adamw", "muon"] = "muon"
    """muon takes the matrices and AdamW everything else; adamw takes all"""
    lr: float = Field(default=1.5e-3, gt=0)
    """peak learning rate of AdamW"""
    muon_lr: float = Field(default=5e-3, gt=0)
    """peak learning rate of Muon, on the scale of AdamW's update size"""
    weight_decay: float = Field(default=0.01, ge=0)
    """decay of matrices; norms, biases and embeddings have none"""
    clip: float = Field(default=1.0, gt=0)
    """largest norm of the gradient"""
    warmup_steps: int = Field(default=50, ge=0)
    """steps of linear warm-up"""
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    """how the rate falls after warm-up and hold"""
    hold: float = Field(default=0.0, ge=0.0, lt=1.0)
    """share of the steps at the peak before the rate falls"""
    floor: float = Field(default=0.03, ge=0.0, le=1.0)
    """the last rate as a share of the peak"""


class CoordLossConfig(StrictModel):
    """Coordinates are scored against a Gaussian over the bins that narrows while training."""

    sigma_start: float = Field(default=9.0, gt=0)
    """width in bins at the first step"""
    sigma_end: float = Field(default=1.0, gt=0)
    """width in bins at the last step"""


class LocalEngine(StrictModel):
    """One process."""

    type: Literal["local"]
    """how the work is spread"""


class DdpEngine(StrictModel):
    """Several processes of this host, each with a share of every batch (gloo or nccl)."""

    type: Literal["ddp"]
    """how the work is spread"""
    processes: int = Field(default=2, ge=2, le=64)
    """ranks; batch_size must be a multiple"""


class EvaluationConfig(StrictModel):
    """Looking at held-out images while training."""

    every_steps: int = Field(default=250, ge=1)
    """steps between looks; the last step always has one"""
    images: int = Field(default=32, ge=0)
    """images per look; 0 switches it off"""
    samples: int = Field(default=4, ge=0, le=32)
    """how many of them are shown with truth and prediction"""
    max_new_tokens: int = Field(default=256, ge=1, le=8192)
    """longest answer in tokens"""


class CheckpointConfig(StrictModel):
    """Restartable checkpoints."""

    every_steps: int = Field(default=200, ge=1)
    """steps between checkpoints"""
    keep: int = Field(default=2, ge=1)
    """newest checkpoints that stay"""


class SftConfig(JobConfig):
    """Train a vision-language model on a dataset, or on several."""

    removed: ClassVar[dict[str, str]] = {
        "profile": "write it under `messages`",
        "summary_share": "write it under `data`",
        "augmentation": "write it under `data`",
        "fusion": "write `data: {type: fusion, targets: [...], sources: [...]}`",
    }

    kind: Literal["sft"]
    """the job kind"""
    model: Annotated[CheckpointStart | ScratchStart, Field(discriminator="type")]
    """where the model starts"""
    data: Annotated[
        Annotated[DataConfig, Tag("dataset")] | Annotated[FusionConfig, Tag("fusion")],
        Discriminator(_data_type),
    ]
    """what is learned from: one dataset, or several with `type: fusion`"""
    messages: MessagesConfig = Field(default_factory=MessagesConfig)
    """what is asked and how it is answered; predict must use the same"""
    steps: int = Field(default=1000, ge=1)
    """optimiser steps"""
    batch_size: int = Field(default=16, ge=1)
    """samples of one step, over all processes"""
    micro_batch: int = Field(default=16, ge=1, json_schema_extra=RUNTIME)
    """most samples of one forward pass of one process; changes memory, not the result"""
    global_max_length: int = Field(default=512, ge=16)
    """longest sample in tokens"""
    over_length: OverLengthConfig = Field(default_factory=OverLengthConfig)
    """what happens to longer ones: they are left out and counted, too many stop the run"""
    optim: OptimConfig = Field(default_factory=OptimConfig)
    """how weights change"""
    coord_loss: CoordLossConfig | None = Field(default_factory=CoordLossConfig)
    """soft loss of coordinates; null means plain cross-entropy"""
    engine: Annotated[LocalEngine | DdpEngine, Field(discriminator="type")] = Field(
        default=LocalEngine(type="local"), json_schema_extra=RUNTIME
    )
    """how the work is spread"""
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)
    """looking at held-out images"""
    checkpoint: CheckpointConfig = Field(
        default_factory=CheckpointConfig, json_schema_extra=RUNTIME
    )
    """restartable checkpoints"""
    log_every: int = Field(default=10, ge=1)
    """steps between metric events"""
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", json_schema_extra=RUNTIME)
    """where the model runs; auto takes a GPU when there is one"""
    dtype: Literal["float32", "bfloat16"] = Field(default="float32", json_schema_extra=RUNTIME)
    """number format of the weights"""
    threads: int = Field(default=1, ge=1, le=256, json_schema_extra=RUNTIME)
    """CPU threads of each process; two collapse when anything else runs"""

    @model_validator(mode="after")
    def _batch_divides(self) -> Self:
        if isinstance(self.engine, DdpEngine) and self.batch_size % self.engine.processes:
            raise ValueError(
                f"batch_size {self.batch_size} is not a multiple of "
                f"engine.processes {self.engine.processes}"
            )
        return self

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        for member in self.mixture.members:
            for mode in member.modes:
                if mode not in self.messages_of(member).modes:
                    raise ValueError(
                        f"the messages of {member.name} have no words for the task {mode}, "
                        f"its summary_share is {member.summary_share:g}"
                    )
        answers = {self.messages_of(m).answer for m in self.mixture.targets if "dense" in m.modes}
        if len(answers) > 1:
            raise ValueError("the targets answer in different forms; they must have one")
        return self

    @property
    def mixture(self) -> FusionConfig:
        """The data as a mixture; a single dataset is a mixture of one target."""
        return self.data if isinstance(self.data, FusionConfig) else self.data.as_mixture()

    def messages_of(self, member: TargetConfig | SourceConfig) -> MessagesConfig:
        """What is asked of one dataset's samples: its own words, or those of the run."""
        return member.messages or self.messages
