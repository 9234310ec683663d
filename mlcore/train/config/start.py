"""Where the model starts."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from mlcore.config.base import AdapterRef, ModelRef, StrictModel
from mlcore.models.config import TinyRecipe


class CheckpointStart(StrictModel):
    """Start from an ordinary checkpoint folder."""

    removed: ClassVar[dict[str, str]] = {
        "resume_from_checkpoint": "write the earlier stage's adapter as `adapter`",
    }

    type: Literal["checkpoint"]
    """how the model starts"""
    checkpoint: ModelRef
    """the checkpoint to fine-tune"""
    coord_tokens: Literal["present", "expand"] = "present"
    """expand adds the 1000 coordinate tokens to a checkpoint that has none, each with a row made
    of its digits; the grown checkpoint is an output of the run"""
    adapter: AdapterRef | None = None
    """the adapter of an earlier stage, made for that checkpoint"""
    adapter_then: Literal["continue", "merge"] | None = None
    """what becomes of it: the same adapter goes on learning, or it is merged into the weights and
    `tuning` begins anew; must be said where an adapter is given"""

    @model_validator(mode="after")
    def _adapter_is_whole(self) -> Self:
        if (self.adapter is None) != (self.adapter_then is None):
            raise ValueError("adapter and adapter_then (continue or merge) go together")
        if self.adapter_then == "continue" and self.coord_tokens == "expand":
            raise ValueError("an adapter of a checkpoint cannot go on with the grown one; merge it")
        return self


class ScratchStart(StrictModel):
    """Build a small model and its tokenizer from the train split."""

    type: Literal["scratch"]
    """how the model starts"""
    recipe: TinyRecipe = Field(default_factory=TinyRecipe)
    """sizes of the new model"""
