"""How the samples of a step are laid out in rows. Changes speed and memory, never the result."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mlcore.config.base import StrictModel


class NoPacking(StrictModel):
    """One sample a row, in the order of the step, filled up to the longest."""

    type: Literal["none"]
    """how samples are laid out"""


class LengthGrouped(StrictModel):
    """One sample a row, samples of similar length together, so that less is filled up."""

    type: Literal["length_grouped"]
    """how samples are laid out"""


class Packed(StrictModel):
    """Several samples a row, kept apart exactly; hardly anything is filled up."""

    type: Literal["packed"]
    """how samples are laid out"""
    row_tokens: int | None = Field(default=None, ge=16)
    """most tokens of a row, at least global_max_length; null: global_max_length"""


PackingConfig = Annotated[NoPacking | LengthGrouped | Packed, Field(discriminator="type")]
