"""Looking at held-out images while training."""

from __future__ import annotations

from pydantic import Field

from mlcore.config.base import StrictModel


class EvaluationConfig(StrictModel):
    """Looking at held-out images while training."""

    every_steps: int = Field(default=250, ge=1)
    """steps between looks; the last step always has one"""
    loss_images: int = Field(default=64, ge=0)
    """images whose true answers are scored: loss and accuracy of tokens; 0 switches it off"""
    images: int = Field(default=32, ge=0)
    """images that are answered in every task that their dataset teaches; 0 switches it off"""
    samples: int = Field(default=4, ge=0, le=32)
    """images of a look that are shown with truth and prediction"""
    max_new_tokens: int = Field(default=256, ge=1, le=8192)
    """longest answer in tokens"""
