"""The order of the queue: one stored number per ticket, the same for the same ticket and policy.

    score = w1 uncertainty + w2 disagreement + w3 age + w4 slice_need

Uncertainty and disagreement are 0 to 1. Every ticket ages alike, so the order between two tickets
depends on when each arrived and never on when it is looked at: the stored age is that of a moment
far ahead, in units of the policy's due time, and no ticket has to be written again because time
passes. Tickets that are equal in all are ordered by a number drawn from the policy's seed.
"""
from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from console.reviews.models import ReviewItem, ReviewPolicy
from console.reviews.policy import WEIGHTS
from mlcore.randomness import sample_rng

HORIZON = datetime(2100, 1, 1, tzinfo=UTC)
TIE = 1e-6
ENOUGH_IN_SLICE = 30
"""settled tickets of a slice from which on it needs no more than any other"""
CONTRADICTION = "rollout_contradiction"


def set_score(item: ReviewItem, policy: ReviewPolicy, settled_in_slice: int) -> None:
    """Fill in `score` and `score_parts`. `settled_in_slice`: tickets of the same mission and model
    verdict that people have decided."""
    parts = {
        "uncertainty": uncertainty(item.margin),
        "disagreement": _disagreement(item),
        "age": (HORIZON - item.created).total_seconds() / (3600 * policy.due_hours),
        "slice_need": max(0.0, 1 - settled_in_slice / ENOUGH_IN_SLICE),
        "tie": draw(policy.seed, item.ticket_key, "order") * TIE,
    }
    item.score_parts = parts
    item.score = weighted(parts, policy.weights)


def weighted(parts: Mapping[str, float], weights: Mapping[str, Any]) -> float:
    """The score of the parts."""
    total = sum(float(weights.get(name, WEIGHTS[name])) * parts[name] for name in WEIGHTS)
    return float(total + parts.get("tie", 0.0))


def uncertainty(margin: float | None) -> float:
    """0 where all candidates agree, 1 at an even vote and where no vote is known."""
    return 1.0 if margin is None else min(1.0, max(0.0, 2 * (1 - margin)))


def draw(seed: int, name: str, purpose: str) -> float:
    """A number from 0 to below 1 that depends on the arguments alone."""
    return float(sample_rng(seed, 0, name, purpose).random())


def _disagreement(item: ReviewItem) -> float:
    if item.label and item.model_verdict and item.label != item.model_verdict:
        return 1.0
    return 0.5 if CONTRADICTION in item.warnings else 0.0
