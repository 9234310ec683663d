"""How weights change."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from mlcore.config.base import StrictModel
from mlcore.models.groups import GROUPS, Group

WARMUP_STEPS = 50


def _pair(value: Any) -> Any:
    """A list as the tuple that it stands for: after a validator of the whole section, JSON's own
    leniency about that is gone."""
    return tuple(value) if isinstance(value, list) else value


class OptimConfig(StrictModel):
    """How weights change. Norms, biases, embeddings and coordinate offsets never decay."""

    removed: ClassVar[dict[str, str]] = {
        "learning_rate": "write `lr`",
        "llm_lr": "write `lr`: it is the language model's rate and that of all groups without one",
        "max_grad_norm": "write `clip`",
        "lr_scheduler_type": "write `schedule`",
        "min_lr_rate": "write `floor`",
    }

    optimizer: Literal["adamw", "muon"] = "adamw"
    """adamw takes all; muon takes the matrices and AdamW everything else: small models learn from
    fewer steps with it, each of which takes longer the wider the matrices are"""
    lr: float = Field(default=1.5e-3, gt=0)
    """peak learning rate of AdamW"""
    vit_lr: float | None = Field(default=None, gt=0)
    """peak rate of the vision tower; null means `lr`"""
    aligner_lr: float | None = Field(default=None, gt=0)
    """peak rate of the mergers between vision and language; null means `lr`"""
    offset_lr: float | None = Field(default=None, gt=0)
    """peak rate of the coordinate offsets; null means `lr`"""
    muon_lr: float = Field(default=5e-3, gt=0)
    """peak learning rate of Muon, on the scale of AdamW's update size; a group whose own rate is
    k times `lr` has k times this one"""
    betas: Annotated[tuple[float, float], BeforeValidator(_pair)] = (0.9, 0.95)
    """AdamW's decay of its two running means, each at least 0 and below 1"""
    eps: float = Field(default=1e-8, gt=0)
    """AdamW's smallest divisor"""
    momentum: float = Field(default=0.95, ge=0, lt=1)
    """Muon's decay of its running mean"""
    weight_decay: float = Field(default=0.01, ge=0)
    """decay of matrices, of each step as a share of the rate"""
    clip: float | None = Field(default=1.0, gt=0)
    """largest norm of the gradient over all weights; null clips nothing"""
    warmup_steps: int | None = Field(default=None, ge=0)
    """steps of linear warm-up; 50 where neither this nor the ratio is given"""
    warmup_ratio: float | None = Field(default=None, ge=0, le=1)
    """the same as a share of all steps, rounded up"""
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    """how the rate falls after warm-up and hold"""
    hold: float = Field(default=0.0, ge=0.0, lt=1.0)
    """share of the steps at the peak before the rate falls"""
    floor: float | None = Field(default=None, ge=0.0, le=1.0)
    """the last rate as a share of each group's peak; 0.03 where neither this nor `min_lr` is given
    """
    min_lr: float | None = Field(default=None, ge=0.0)
    """the last rate itself, the same for every group; Muon's is scaled as its peak is"""

    @model_validator(mode="before")
    @classmethod
    def _one_of_two(cls, data: Any) -> Any:
        """Fill in what stands where neither of two keys was given."""
        if not isinstance(data, dict):
            return data
        filled = dict(data)
        for name, other, value in (
            ("warmup_steps", "warmup_ratio", WARMUP_STEPS),
            ("floor", "min_lr", 0.03),
        ):
            if filled.get(name) is None and filled.get(other) is None:
                filled[name] = value
        return filled

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.warmup_steps is not None and self.warmup_ratio is not None:
            raise ValueError("give warmup_steps or warmup_ratio, and null for the other")
        if self.floor is not None and self.min_lr is not None:
            raise ValueError("give floor or min_lr, and null for the other")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError("betas are at least 0 and below 1")
        for group in GROUPS:
            if self.min_lr is not None and self.min_lr > self.peak(group):
                raise ValueError(
                    f"min_lr {self.min_lr:g} is above the peak rate of {group}, "
                    f"{self.peak(group):g}"
                )
        return self

    @property
    def own_rates(self) -> dict[Group, float]:
        """The rates of the groups that have one of their own, given by the key `{group}_lr`."""
        given: dict[Group, float | None] = {
            "vit": self.vit_lr,
            "aligner": self.aligner_lr,
            "offset": self.offset_lr,
        }
        return {group: value for group, value in given.items() if value is not None}

    def peak(self, group: Group) -> float:
        """AdamW's peak rate for a group."""
        return self.own_rates.get(group, self.lr)

    def floor_of(self, group: Group) -> float:
        """A group's last rate as a share of its peak."""
        if self.min_lr is not None:
            return self.min_lr / self.peak(group)
        assert self.floor is not None
        return self.floor

    def warmup(self, steps: int) -> int:
        """Steps of warm-up of a run of `steps`."""
        if self.warmup_ratio is not None:
            return math.ceil(self.warmup_ratio * steps - 1e-9)
        assert self.warmup_steps is not None
        return self.warmup_steps
