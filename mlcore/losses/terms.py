"""The terms of the objective: named in one place, each with its weight and its denominator.

The loss of a step is the sum over its terms of weight * sum / denominator. Denominators count
positions of the whole step, over all micro-batches and ranks, so however a step is cut its parts
add up to the same loss and the same gradients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from mlcore.losses.coord import CoordView, Target, text_gate
from mlcore.losses.token_ce import token_ce
from mlcore.train.config import CoordLossConfig

Kind = Literal["text", "coord"]
"""of a supervised position: whether its label is a coordinate token"""
KINDS: Sequence[Kind] = ("text", "coord")


class Counts(NamedTuple):
    """Supervised positions of a step, or of a part of it: of text and of coordinates."""

    text: float
    coord: float


@dataclass(frozen=True)
class Term:
    """One summand of the loss. `at` are the positions that have a value; with `shared` the sum is
    divided by all supervised positions, otherwise by those of its own kind."""

    name: str
    weight: float
    at: Kind
    shared: bool

    def denominator(self, counts: Counts) -> float:
        """What the sum is divided by; at least 1, so that no positions give no loss."""
        own = counts.text if self.at == "text" else counts.coord
        return max(1.0, counts.text + counts.coord if self.shared else own)


@dataclass(frozen=True)
class Objective:
    """What is minimised. `soft` is None for plain cross-entropy, which scores a coordinate like
    any token. `scale` is what every weight is multiplied by: less than 1, or 0, where something
    else is learned beside it."""

    soft: CoordLossConfig | None = None
    scale: float = 1.0

    @property
    def terms(self) -> tuple[Term, ...]:
        """Those that count, in the order in which they are told. A weight of 0 makes none."""
        scale, soft = self.scale, self.soft
        if soft is None:
            plain: Sequence[Kind] = KINDS if scale else ()
            return tuple(Term(kind, scale, kind, True) for kind in plain)
        shared = soft.mean_over == "supervised"
        weights: list[tuple[str, float, Kind]] = [
            ("text", 1.0, "text"),
            ("text_gate", soft.text_gate_weight, "text"),
            ("coord_ce", soft.ce_weight, "coord"),
            ("coord_soft", soft.soft_ce_weight, "coord"),
            ("coord_w1", soft.w1_weight, "coord"),
            ("coord_gate", soft.gate_weight, "coord"),
        ]
        return tuple(Term(name, w * scale, at, shared) for name, w, at in weights if w * scale)

    def at(self, kind: Kind) -> tuple[Term, ...]:
        """The terms of one kind of positions."""
        return tuple(term for term in self.terms if term.at == kind)

    def loss(self, sums: Mapping[str, float], counts: Counts) -> float:
        """The loss of sums by term: of a step, or of any part of it taken as a whole."""
        return sum(t.weight * sums[t.name] / t.denominator(counts) for t in self.terms)

    def target(self, sigma: float) -> Target:
        """The Gaussian that coordinates are compared with."""
        if self.soft is None:
            return Target(sigma)
        return Target(sigma, self.soft.truncate, self.soft.temperature)


def text_values(
    logits: torch.Tensor,
    targets: torch.Tensor,
    coord_ids: torch.Tensor,
    target: Target,
    terms: Sequence[Term],
) -> list[torch.Tensor]:
    """The value [N] of each term at text positions. logits [N, V]; targets int64 [N], tokens."""
    out = []
    for term in terms:
        if term.name == "text_gate":
            out.append(text_gate(logits, coord_ids, target.temperature))
        else:
            out.append(token_ce(logits, targets))
    return out


def coord_values(
    logits: torch.Tensor,
    bins: torch.Tensor,
    coord_ids: torch.Tensor,
    target: Target,
    terms: Sequence[Term],
) -> list[torch.Tensor]:
    """The value [N] of each term at coordinates. logits [N, V]; bins int64 [N] in 0..999."""
    view = CoordView(logits, bins, coord_ids, target)
    values = {
        "coord": lambda: token_ce(logits, coord_ids[bins]),
        "coord_ce": view.ce,
        "coord_soft": view.soft,
        "coord_w1": view.w1,
        "coord_gate": view.gate,
    }
    return [values[term.name]() for term in terms]
