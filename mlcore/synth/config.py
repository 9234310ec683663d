"""The config of `synth`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mlcore.config.base import JobConfig, StrictModel


class Tickets(StrictModel):
    """Tickets: several images of one job, judged together."""

    min_images: int = Field(default=2, ge=1, le=20)
    """fewest images of a ticket"""
    max_images: int = Field(default=4, ge=1, le=20)
    """most images of a ticket"""
    pass_share: float = Field(default=0.5, ge=0, le=1)
    """share of passing tickets to aim at, as far as there are scenes without a fault"""
    wrong_label_share: float = Field(default=0.1, ge=0, le=0.5)
    """share of tickets whose label is wrong; the true one is kept beside it"""

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.min_images > self.max_images:
            raise ValueError(f"min_images {self.min_images} is above max_images {self.max_images}")
        return self


class Teaching(StrictModel):
    """Conversations that teach verdicts, from pictures of the train split alone.

    The teacher is the guard at the checklist, on known truth; labels of tickets play no part.
    """

    count: int = Field(default=2000, ge=1, le=1_000_000)
    """number of conversations, each a sample"""
    mission: str = Field(min_length=1, max_length=120)
    """the inspection item"""
    checklist: str = Field(min_length=1, max_length=1000, pattern=r"^[^\r\n]+$")
    """what the item asks for (G0): faults of other things do not count"""
    rules_share: float = Field(default=0.5, ge=0, le=1)
    """share of the conversations whose prompt shows one to three further rules, which count"""


class SynthConfig(JobConfig):
    """Render the demo inspection set."""

    kind: Literal["synth"]
    """the job kind"""
    dataset_name: str = Field(default="cabinets", min_length=1, max_length=80, pattern=r"^[\w.-]+$")
    """the name in dataset.json"""
    style: Literal["a", "b"] = "a"
    """the look: materials, light and camera; layout and words are the same in both"""
    size: Literal[192] = 192
    """side of the square pictures, pixels"""
    train: int = Field(default=1000, ge=1, le=200_000)
    """images of the train split"""
    val: int = Field(default=200, ge=1, le=200_000)
    """images of the val split"""
    desk: int = Field(default=0, ge=0, le=200_000)
    """images of a further split whose tickets a desk has labelled: neither learned from nor
    evaluated, for verdicts; 0 makes no such split"""
    tickets: Tickets = Field(default_factory=Tickets)
    """how images are grouped into tickets"""
    teaching: Teaching | None = None
    """conversations that teach verdicts, beside the records; empty means none"""
    jpeg_quality: int = Field(default=92, ge=50, le=100)
    """JPEG quality of the stored pictures"""
