"""What is minimised."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mlcore.config.base import StrictModel


class CoordLossConfig(StrictModel):
    """How coordinates are scored: apart from text, on the 1000 coordinate tokens in order.

    Each term is told as `train/loss_<term>`, without its weight; one of weight 0 is not computed.
    """

    sigma_start: float = Field(default=9.0, gt=0)
    """width of the target in bins at the first step"""
    sigma_end: float = Field(default=1.0, gt=0)
    """width of the target in bins at the last step"""
    truncate: int | None = Field(default=None, ge=0)
    """bins from its middle beyond which the target is zero; null: nowhere"""
    temperature: float = Field(default=1.0, gt=0)
    """what logits are divided by before they are compared with the target, and in the gates"""
    ce_weight: float = Field(default=0.0, ge=0)
    """weight of the cross-entropy of the right bin among the coordinate tokens"""
    soft_ce_weight: float = Field(default=1.0, ge=0)
    """weight of the cross-entropy against a Gaussian around the right bin, less its entropy"""
    w1_weight: float = Field(default=0.0, ge=0)
    """weight of the distance that mass has to move, as a share of the picture's side"""
    gate_weight: float = Field(default=1.0, ge=0)
    """weight of minus the log of the mass that a coordinate's position puts on coordinate tokens"""
    text_gate_weight: float = Field(default=0.0, ge=0)
    """weight of minus the log of the mass that a text position keeps off coordinate tokens"""
    mean_over: Literal["supervised", "kind"] = "supervised"
    """what sums are divided by: all supervised tokens, so that a coordinate counts as much as a
    word, or text by text and coordinates by coordinates, so that their shares do not matter"""

    @model_validator(mode="after")
    def _learns_coordinates(self) -> Self:
        weights = (self.ce_weight, self.soft_ce_weight, self.w1_weight, self.gate_weight)
        if not any(weights):
            raise ValueError(
                "every weight of a coordinate's loss is 0, so no coordinate would be learned; "
                "`coord_loss: null` is plain cross-entropy"
            )
        return self
