"""Where the model starts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlcore.config.base import ModelRef, StrictModel
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
