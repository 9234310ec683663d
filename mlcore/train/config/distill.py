"""Learning from a frozen teacher beside the truth: from its words, and from its eyes."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from mlcore.config.base import ModelRef, StrictModel
from mlcore.predict.config import SamplingConfig

FEATURES: tuple[Literal["vit", "aligner", "deepstack"], ...] = ("vit", "aligner", "deepstack")
"""what may be matched of the vision side, in the order of a forward pass"""


class FeatureConfig(StrictModel):
    """How one kind of vision features is held to the teacher's."""

    removed: ClassVar[dict[str, str]] = {
        "enabled": "a target that is named is on; leave it out to switch it off",
    }

    weight: float = Field(gt=0.0)
    """weight of the mean distance"""
    distance: Literal["mse", "cosine"] = "mse"
    """mse: squared difference, mean over the width; cosine: 1 - cosine of the angle"""


class VisionKdConfig(StrictModel):
    """Vision features that are held to the teacher's, mean over all of the step's patches."""

    removed: ClassVar[dict[str, str]] = {
        "enabled": "the section is on when it names a target; leave it out to switch it off",
        "targets": "name each target with its own weight: `aligner: {weight: 0.1}`",
        "weight": "each target has its own: `aligner: {weight: 0.1}`",
        "distance": "each target has its own: `aligner: {weight: 0.1, distance: cosine}`",
        "merger": "write `aligner`",
    }

    vit: FeatureConfig | None = None
    """what the vision tower hands to the merger, one row per patch"""
    aligner: FeatureConfig | None = None
    """what the merger makes of it, one row per image token"""
    deepstack: FeatureConfig | None = None
    """what each deepstack merger makes, mean over them"""

    @model_validator(mode="after")
    def _has_a_target(self) -> Self:
        if not self.targets:
            raise ValueError(f"no target is named; name one of {', '.join(FEATURES)}")
        return self

    @property
    def targets(self) -> dict[str, FeatureConfig]:
        """The named targets, in the order of a forward pass."""
        found = {"vit": self.vit, "aligner": self.aligner, "deepstack": self.deepstack}
        return {name: target for name, target in found.items() if target is not None}


class DistillConfig(StrictModel):
    """Learn from a frozen teacher with the same vocabulary and image settings.

    What is minimised is sft_alpha x supervised loss + llm_kd_weight x JSD + the vision terms, each
    a mean over the whole step. With lmbda 0 and seq_kd false it is forward-only: the teacher reads
    the true answers and nothing is generated, which costs about a third more than none of it.
    """

    removed: ClassVar[dict[str, str]] = {
        "rlhf_type": "this section is generalised knowledge distillation and nothing else",
        "teacher_model": "write `teacher`",
        "visual_kd": "write `vision`",
        "kd_weight": "write `llm_kd_weight`",
        "max_new_tokens": "write `max_completion_length`",
    }

    teacher: ModelRef
    """the checkpoint that is learned from; it never changes"""
    sft_alpha: float = Field(default=1.0, ge=0.0)
    """weight of the supervised loss of the true answers, coordinates included"""
    llm_kd_weight: float = Field(default=1.0, ge=0.0)
    """weight of the teacher's words; 0 leaves the term out"""
    beta: float = Field(default=0.5, ge=0.0, le=1.0)
    """which divergence: 0 is KL(teacher || student), 1 is KL(student || teacher), and between
    them the generalised Jensen-Shannon divergence with a mixture of this share of the teacher;
    no weight of the term"""
    temperature: float = Field(default=1.0, gt=0.0, le=100.0)
    """both models' logits are divided by it before they are compared"""
    lmbda: float = Field(default=0.0, ge=0.0, le=1.0)
    """share of the steps whose answers the student makes itself, for the teacher to judge"""
    seq_kd: bool = False
    """in all other steps the teacher's likeliest answers take the place of the true ones, for its
    words; the supervised loss stays with the true ones"""
    max_completion_length: int = Field(default=256, ge=1, le=8192)
    """longest made answer in tokens; a longer one is cut and counted"""
    sampling: SamplingConfig = Field(default_factory=lambda: SamplingConfig(temperature=1.0))
    """how the student's answers are drawn; the teacher's are its likeliest"""
    vision: VisionKdConfig | None = None
    """vision features that are held to the teacher's; null means none"""

    @model_validator(mode="after")
    def _teaches_something(self) -> Self:
        if self.llm_kd_weight == 0 and self.vision is None:
            raise ValueError(
                "nothing is learned from the teacher: llm_kd_weight is 0 and vision names no "
                "target; set one of them, or leave the section out"
            )
        if self.llm_kd_weight == 0 and self.sft_alpha == 0:
            raise ValueError(
                "sft_alpha and llm_kd_weight are both 0: no word would be learned; set one of them"
            )
        if self.llm_kd_weight == 0 and self.generates:
            raise ValueError(
                "lmbda and seq_kd make answers for the teacher's words, and llm_kd_weight is 0"
            )
        return self

    @property
    def generates(self) -> bool:
        """Whether answers are made while training."""
        return self.lmbda > 0 or self.seq_kd

    @property
    def features(self) -> dict[str, FeatureConfig]:
        """The vision targets by name; none without the section."""
        return {} if self.vision is None else self.vision.targets
