"""Number formats, and what is traded for memory."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mlcore.config.base import RUNTIME, StrictModel

Dtype = Literal["float32", "bfloat16"]
Attention = Literal["eager", "sdpa", "flash_attention_2"]


class PrecisionKeys(StrictModel):
    """The keys of a training config that say in which number formats it computes."""

    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", json_schema_extra=RUNTIME)
    """where the model runs; auto takes a GPU when there is one"""
    dtype: Dtype = Field(default="float32", json_schema_extra=RUNTIME)
    """number format of the arithmetic, of frozen weights and of the model that comes out"""
    master_dtype: Dtype = Field(default="float32", json_schema_extra=RUNTIME)
    """number format in which trained weights, gradients and the optimiser's state are kept while
    the arithmetic is in `dtype`; bfloat16 takes half the memory, and small updates are lost to
    rounding"""
    gradient_checkpointing: bool = Field(default=False, json_schema_extra=RUNTIME)
    """whether the activations of a layer are computed again for its gradient instead of kept:
    less memory, about a third more time, the same gradients"""
    attention: Attention = Field(default="sdpa", json_schema_extra=RUNTIME)
    """how attention is computed; flash_attention_2 needs its package, a GPU and dtype bfloat16"""

    @model_validator(mode="after")
    def _formats_agree(self) -> Self:
        if self.master_dtype == "bfloat16" and self.dtype == "float32":
            raise ValueError("master_dtype: bfloat16 needs dtype: bfloat16")
        if self.attention == "flash_attention_2":
            if self.dtype != "bfloat16":
                raise ValueError("attention: flash_attention_2 needs dtype: bfloat16")
            if self.device == "cpu":
                raise ValueError("attention: flash_attention_2 needs a GPU, and device is cpu")
        return self
