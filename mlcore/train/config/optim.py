"""How weights change."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlcore.config.base import StrictModel


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
