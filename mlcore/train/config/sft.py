"""The config of `sft`, its sections put together."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from mlcore.chat.config import MessagesConfig
from mlcore.chat.overlength import OverLengthConfig
from mlcore.config.base import RUNTIME, JobConfig
from mlcore.fusion.config import FusionConfig, SourceConfig, TargetConfig
from mlcore.preflight.config import PreflightConfig
from mlcore.train.config.checkpoint import CheckpointConfig
from mlcore.train.config.data import DataConfig, data_type
from mlcore.train.config.distill import DistillConfig
from mlcore.train.config.engine import (
    DdpEngine,
    FsdpEngine,
    LocalEngine,
    RanksEngine,
    Zero2Engine,
    Zero3Engine,
    ZeroEngine,
)
from mlcore.train.config.evaluation import EvaluationConfig
from mlcore.train.config.loading import LoadingConfig
from mlcore.train.config.losses import CoordLossConfig
from mlcore.train.config.optim import OptimConfig
from mlcore.train.config.packing import NoPacking, Packed, PackingConfig
from mlcore.train.config.precision import PrecisionKeys
from mlcore.train.config.retired import RETIRED
from mlcore.train.config.start import CheckpointStart, ScratchStart
from mlcore.train.config.telemetry import Labelled, TelemetryConfig
from mlcore.train.config.tuning import AdaLoraTuning, FullTuning, Tuning


class SftConfig(PrecisionKeys, JobConfig):
    """Train a vision-language model on a dataset, or on several."""

    removed: ClassVar[dict[str, str]] = {
        "profile": "write it under `messages`",
        "summary_share": "write it under `data`",
        "augmentation": "write it under `data`",
        "fusion": "write `data: {type: fusion, targets: [...], sources: [...]}`",
    }

    removed_anywhere: ClassVar[dict[str, str]] = RETIRED

    kind: Literal["sft"]
    """the job kind"""
    model: Annotated[CheckpointStart | ScratchStart, Field(discriminator="type")]
    """where the model starts"""
    data: Annotated[
        Annotated[DataConfig, Tag("dataset")] | Annotated[FusionConfig, Tag("fusion")],
        Discriminator(data_type),
    ]
    """what is learned from: one dataset, or several with `type: fusion`"""
    messages: MessagesConfig = Field(default_factory=MessagesConfig)
    """what is asked and how it is answered; predict must use the same"""
    steps: int = Field(default=1000, ge=1)
    """optimiser steps"""
    batch_size: int = Field(default=16, ge=1)
    """samples of one step, over all processes"""
    micro_batch: int = Field(default=16, ge=1, json_schema_extra=RUNTIME)
    """most rows of one forward pass of one process; changes memory, not the result"""
    packing: PackingConfig = Field(default=NoPacking(type="none"), json_schema_extra=RUNTIME)
    """how samples are laid out in rows: one each, or several that are kept apart exactly"""
    global_max_length: int = Field(default=512, ge=16)
    """longest sample in tokens"""
    over_length: OverLengthConfig = Field(default_factory=OverLengthConfig)
    """what happens to longer ones: they are left out and counted, too many stop the run"""
    tuning: Annotated[Tuning, Field(discriminator="type")] = Field(default_factory=FullTuning)
    """which weights learn: all, those of some parts, or adapters beside them"""
    optim: OptimConfig = Field(default_factory=OptimConfig)
    """how weights change"""
    coord_loss: CoordLossConfig | None = Field(default_factory=CoordLossConfig)
    """soft loss of coordinates; null means plain cross-entropy"""
    distill: DistillConfig | None = None
    """a frozen teacher that is learned from beside the truth; null means none"""
    engine: Annotated[
        LocalEngine | DdpEngine | FsdpEngine | Zero2Engine | Zero3Engine,
        Field(discriminator="type"),
    ] = Field(default=LocalEngine(type="local"), json_schema_extra=RUNTIME)
    """how the work is spread"""
    loading: LoadingConfig = Field(default_factory=LoadingConfig)
    """how samples are made ahead of their steps"""
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)
    """looking at held-out images"""
    checkpoint: CheckpointConfig = Field(default_factory=CheckpointConfig)
    """what is saved while training"""
    preflight: PreflightConfig = Field(default_factory=PreflightConfig, json_schema_extra=RUNTIME)
    """what is looked at before the first step"""
    telemetry: TelemetryConfig = Field(default_factory=TelemetryConfig)
    """what is told besides the losses, and where else"""
    log_every: int = Field(default=10, ge=1)
    """steps between metric events"""
    threads: int = Field(default=1, ge=1, le=256, json_schema_extra=RUNTIME)
    """CPU threads of each process; two collapse when anything else runs"""

    @model_validator(mode="after")
    def _batch_divides(self) -> Self:
        if isinstance(self.engine, RanksEngine) and self.batch_size % self.engine.processes:
            raise ValueError(
                f"batch_size {self.batch_size} is not a multiple of "
                f"engine.processes {self.engine.processes}"
            )
        return self

    @model_validator(mode="after")
    def _best_is_looked_for(self) -> Self:
        if self.checkpoint.best is not None and self.evaluation.images == 0:
            raise ValueError(
                "checkpoint.best is judged by looks at held-out images, and evaluation.images is 0"
            )
        return self

    @model_validator(mode="after")
    def _tuning_can_begin(self) -> Self:
        if isinstance(self.tuning, AdaLoraTuning):
            self.tuning.schedule(self.steps)
        goes_on = isinstance(self.model, CheckpointStart) and self.model.adapter_then == "continue"
        if goes_on and isinstance(self.tuning, FullTuning | AdaLoraTuning):
            raise ValueError(
                f"an adapter cannot go on learning with tuning.type {self.tuning.type}; "
                "write model.adapter_then: merge"
            )
        return self

    @model_validator(mode="after")
    def _rows_hold_a_sample(self) -> Self:
        row = self.packing.row_tokens if isinstance(self.packing, Packed) else None
        if row is not None and row < self.global_max_length:
            raise ValueError(
                f"packing.row_tokens {row} is less than global_max_length "
                f"{self.global_max_length}: the longest sample would fit no row"
            )
        return self

    @model_validator(mode="after")
    def _engine_can_train(self) -> Self:
        engine = self.engine
        cuts_gradients = isinstance(engine, FsdpEngine | ZeroEngine)
        if cuts_gradients and isinstance(self.tuning, AdaLoraTuning):
            raise ValueError(
                f"engine {engine.type} cannot train with tuning.type adalora, which needs whole "
                "gradients on every rank; use engine ddp"
            )
        if isinstance(engine, ZeroEngine):
            if self.optim.optimizer == "muon":
                raise ValueError(
                    f"engine {engine.type} cannot train with optim.optimizer muon, which needs "
                    "whole matrices where ZeRO keeps flat parts; write adamw, or use engine fsdp"
                )
            if self.master_dtype != "float32":
                raise ValueError(
                    f"engine {engine.type} keeps float32 masters, cut over the processes; leave "
                    "master_dtype at float32, or use engine fsdp"
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

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        _ = self.token_type_labels
        return self

    @property
    def token_type_labels(self) -> list[str]:
        """Names of the datasets whose tokens are told of by type."""
        members = self.mixture.members
        return self.telemetry.token_type_metrics.chosen(
            [Labelled(member, self.messages_of(member).domain) for member in members]
        )

    @property
    def mixture(self) -> FusionConfig:
        """The data as a mixture; a single dataset is a mixture of one target."""
        return self.data if isinstance(self.data, FusionConfig) else self.data.as_mixture()

    def messages_of(self, member: TargetConfig | SourceConfig) -> MessagesConfig:
        """What is asked of one dataset's samples: its own words, or those of the run."""
        return member.messages or self.messages
