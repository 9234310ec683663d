"""The config of augmentation: `data.augmentation` of a training run, and the preview's file."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import ValidationError

from mlcore.augment.curriculum import Curriculum, problems
from mlcore.augment.op import OPS, BarrierOp, ColourOp, Op, Share
from mlcore.augment.scene import Interpolation, Outside, Settings, TurnedBoxes
from mlcore.config.base import StrictModel
from mlcore.config.named import Named, detail

LAST_MOVER = "expand_to_fit"


AnyOp = Annotated[Op, Named(OPS, Op)]
"""any registered op, chosen by `type`"""


class PatchBankConfig(StrictModel):
    """How much the patch bank holds. Copy-paste ops with `source_mode` bank or mixed use it."""

    capacity: int = Field(default=256, ge=1, le=100_000)
    """most patches for each op"""
    per_record: int = Field(default=2, ge=1, le=64)
    """most patches of one record for each op"""


class AugmentConfig(StrictModel):
    """How training samples are varied. Validation samples never are."""

    ops: tuple[AnyOp, ...]
    """the ops in their order; what moves the picture comes first, colours after all of that"""
    bypass_prob: Share = 0.0
    """share of samples that stay exactly as they are"""
    curriculum: Curriculum | None = None
    """strengths that change while training"""
    completeness_threshold: Share = 0.95
    """an object of which less is left is called partly visible; crops have their own threshold"""
    outside: Outside = "drop"
    """what becomes of an object that a map moved out of the picture: it goes, or it stays squeezed
    onto the border and flagged, which the contract refuses but a preview can show"""
    turned_boxes: TurnedBoxes = "poly"
    """a box that turns becomes the polygon of its corners, or the upright box that encloses it"""
    patch_bank: PatchBankConfig = Field(default_factory=PatchBankConfig)
    """the store of patches for copy-paste"""
    interpolation: Interpolation = "cubic"
    """how pictures are resampled; linear is faster and softer"""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        faults = [
            detail(
                ("ops", number, "type"), op.type,
                f"{LAST_MOVER} must be the last op that moves anything; {later} follows it",
            )
            for number, op in enumerate(self.ops)
            if op.type == LAST_MOVER
            for later in [o.type for o in self.ops[number + 1 :] if not isinstance(o, ColourOp)][:1]
        ]
        if not self.ops:
            faults.append(detail(("ops",), [], "names no op"))
        if self.curriculum is not None:
            for fault in problems(self.curriculum, self.ops):
                fault["loc"] = ("curriculum", *fault.get("loc", ()))
                faults.append(fault)
        if faults:
            raise ValidationError.from_exception_data("augmentation", faults)
        return self

    @property
    def settings(self) -> Settings:
        """What holds for every op."""
        return Settings(
            self.interpolation, self.outside, self.turned_boxes, self.completeness_threshold
        )

    @property
    def drops_objects(self) -> bool:
        """True where an op of the list can take objects away."""
        return any(isinstance(op, BarrierOp) and "min_coverage" in op.__dict__ for op in self.ops)
