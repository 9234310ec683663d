"""The recipe of a small Qwen3-VL, light enough for the console to import."""
from __future__ import annotations

from pydantic import Field, model_validator

from mlcore.config.base import StrictModel

COORD_TOKENS = 1000
"""how many coordinate tokens there are: bins 0..999"""


class TinyText(StrictModel):
    """Sizes of the language model."""

    hidden_size: int = Field(default=96, ge=32)
    """width of the residual stream"""
    layers: int = Field(default=3, ge=1)
    """decoder layers"""
    heads: int = Field(default=3, ge=1)
    """query heads"""
    kv_heads: int = Field(default=1, ge=1)
    """key and value heads; divides `heads`"""
    head_dim: int = Field(default=32, ge=8)
    """width of one head; a multiple of 4"""
    intermediate_size: int = Field(default=288, ge=32)
    """width of the gated feed-forward layer"""
    mrope_section: tuple[int, int, int] = Field(default=(6, 5, 5), strict=False)
    """rotary pairs for time, height and width; they sum to head_dim / 2"""
    max_positions: int = Field(default=4096, ge=256)
    """longest sequence"""

    @model_validator(mode="after")
    def _sizes_fit(self) -> TinyText:
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads {self.kv_heads} does not divide heads {self.heads}")
        if 2 * sum(self.mrope_section) != self.head_dim:
            raise ValueError(f"mrope_section must sum to head_dim / 2 = {self.head_dim / 2:g}")
        return self


class TinyVision(StrictModel):
    """Sizes of the vision tower."""

    hidden_size: int = Field(default=64, ge=32)
    """width of a patch"""
    depth: int = Field(default=3, ge=1)
    """blocks"""
    heads: int = Field(default=2, ge=1)
    """attention heads; divides hidden_size"""
    intermediate_size: int = Field(default=192, ge=32)
    """width of the feed-forward layer"""
    patch_size: int = Field(default=16, ge=4)
    """side of a patch in pixels"""
    merge_size: int = Field(default=2, ge=1)
    """patches per side that become one token"""
    position_grid: int = Field(default=12, ge=2)
    """side of the table of position embeddings, which is resampled to the image's grid"""
    deepstack: tuple[int, ...] = Field(default=(0, 1), strict=False)
    """blocks whose features are added to the first decoder layers"""

    @model_validator(mode="after")
    def _sizes_fit(self) -> TinyVision:
        if self.hidden_size % (4 * self.heads):
            raise ValueError("hidden_size must be a multiple of 4 * heads")
        if any(not 0 <= block < self.depth for block in self.deepstack):
            raise ValueError(f"deepstack names a block outside 0..{self.depth - 1}")
        return self


class TinyRecipe(StrictModel):
    """How to build a small checkpoint from nothing."""

    text: TinyText = Field(default_factory=TinyText)
    """the language model"""
    vision: TinyVision = Field(default_factory=TinyVision)
    """the vision tower"""
    merges_vocab: int = Field(default=1024, ge=300)
    """most entries that the byte-level BPE may have, before special and coordinate tokens"""
    split_at: str = Field(default="，×", max_length=32)
    """characters that always stand alone in the tokenizer, besides digits"""
    coord_scale: float = Field(default=0.03, gt=0)
    """amplitude of the sinusoidal starting rows of the coordinate tokens"""
    position_scale: float = Field(default=0.5, gt=0)
    """amplitude of the sinusoidal starting position table of the vision tower"""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """seed of the starting weights"""

    @model_validator(mode="after")
    def _deepstack_fits(self) -> TinyRecipe:
        if len(self.vision.deepstack) > self.text.layers:
            raise ValueError("deepstack has more entries than the language model has layers")
        return self
