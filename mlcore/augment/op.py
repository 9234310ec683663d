"""What an op is: its parameters and what it does, in one class, registered by name.

The pipeline draws `prob` and gives every op a generator of its own, which depends on seed, epoch,
record and the op's place among those of its type; an op draws everything else from it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from mlcore.augment.scene import Pixels, Scene
from mlcore.config.base import StrictModel
from mlcore.geometry.affine import Matrix
from mlcore.registry import Registry

Range = tuple[float, float]
"""from, to"""
Share = Annotated[float, Field(ge=0.0, le=1.0)]
"""0 to 1"""


class Op(StrictModel):
    """The parameters that every op has. Subclass one of the four kinds below instead."""

    type: str
    """which op"""
    prob: Share = 1.0
    """how likely the op is applied"""


class AffineOp(Op):
    """Moves picture and geometry. Maps accumulate and the picture is resampled only once."""

    @abstractmethod
    def matrix(self, rng: np.random.Generator, width: int, height: int) -> Matrix:
        """The map of one sample, 3x3, in pixels of edges (`mlcore.geometry.affine`)."""


class ColourOp(Op):
    """Changes colours only. Comes after all geometry, whatever its place in the list."""

    @abstractmethod
    def recolour(self, image: Pixels, rng: np.random.Generator) -> Pixels:
        """A new picture of the same shape; the given one must not be changed."""


@dataclass(frozen=True)
class Outcome:
    """What a barrier did. `skipped` says why it did nothing; empty means that it did something."""

    skipped: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


class BarrierOp(Op):
    """Changes the canvas or needs the picture as it now is: pending maps are carried out before."""

    def before(
        self, pending: Matrix, width: int, height: int
    ) -> tuple[Matrix, int, int]:
        """The last word on the pending map and on the canvas that it is carried out on."""
        return pending, width, height

    @abstractmethod
    def apply(self, scene: Scene, rng: np.random.Generator) -> Outcome:
        """Change the scene in place."""


__all__ = [
    "OPS", "AffineOp", "BarrierOp", "ColourOp", "Op", "Outcome", "Pixels", "Range", "Scene",
    "Share", "register", "uniform",
]
OPS: Registry[type[Op]] = Registry("augmentation op", "mlcore.augment.ops")
register = OPS.register


def uniform(rng: np.random.Generator, limits: Range) -> float:
    """A number from a range."""
    low, high = limits
    return low + (high - low) * float(rng.random())
