"""Causal attention of samples that stand one after the other, each seeing itself alone.

A row of several samples needs a mask as large as the square of the row, and most of it is masked:
the library computes it all the same. Here the samples become the rows of small batches, filled up
to the longest of each. What fills a row up stands behind its sample, where a causal model never
looks, so no mask is needed and the result is the same.

Samples of similar length share a batch: one batch costs `CALL` pairs of tokens besides those that
are computed in it, so a batch takes in shorter samples until what is computed in vain for them
costs more than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Self

import torch
from torch.nn import functional
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

SDPA = "sdpa"
CALL = 1 << 14
"""pairs of tokens whose attention takes as long as starting one more batch"""


@dataclass(frozen=True)
class Segments:
    """Where N tokens stand in batches.

    `batches` are (samples, places of each), one batch after the other; `slots` int64 [N] is the
    place of every token among all of those, or None where they are the tokens in order.
    """

    batches: tuple[tuple[int, int], ...]
    slots: torch.Tensor | None

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> Self:
        """Of samples of these lengths that stand one after the other."""
        order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
        batches: list[tuple[int, int]] = []
        vain = 0
        for place in order:
            longest = batches[-1][1] if batches else 0
            vain += longest**2 - lengths[place] ** 2
            if batches and vain <= CALL:
                batches[-1] = (batches[-1][0] + 1, longest)
            else:
                batches.append((1, lengths[place]))
                vain = 0
        if len(set(lengths)) == 1:
            return cls(tuple(batches), None)
        starts = list(accumulate((w for n, w in batches for _ in range(n)), initial=0))
        begins = [0] * len(lengths)
        for rank, place in enumerate(order):
            begins[place] = starts[rank]
        sizes = torch.tensor(lengths)
        shift = torch.tensor(begins) - (sizes.cumsum(0) - sizes)
        slots = torch.arange(int(sizes.sum())) + shift.repeat_interleave(sizes)
        return cls(tuple(batches), slots.to(device, non_blocking=True))

    @property
    def places(self) -> int:
        """Of all batches."""
        return sum(count * width for count, width in self.batches)

    def spread(self, rows: torch.Tensor) -> torch.Tensor:
        """Tokens [N, ...] at their places [places, ...], zeros between them."""
        if self.slots is None:
            return rows
        out: torch.Tensor = _Spread.apply(rows, self.slots, self.places)  # type: ignore[no-untyped-call]
        return out

    def collect(self, places: torch.Tensor) -> torch.Tensor:
        """The tokens [N, ...] of what `spread` gave."""
        if self.slots is None:
            return places
        return take(places, self.slots)


def take(rows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """`rows[places]` of places, int64 [N], no two of which are the same: then the gradient needs
    no adding up, which a CPU does row by row."""
    out: torch.Tensor = _Take.apply(rows, places)  # type: ignore[no-untyped-call]
    return out


def lengths_of(positions: torch.Tensor) -> list[int]:
    """Lengths of the samples of rows of text positions [B, L], one row after the other.

    A sample starts with its row and wherever a position is not the one after the last. Negative
    positions are of no sample and are left out.
    """
    begins = torch.ones_like(positions, dtype=torch.bool)
    begins[:, 1:] = positions[:, 1:] != positions[:, :-1] + 1
    kept = positions >= 0
    number = begins[kept].cumsum(0) - 1
    out: list[int] = torch.bincount(number).tolist()
    return out


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    segments: Segments | None = None,
    **rest: Any,
) -> tuple[torch.Tensor, None]:
    """The library's attention, and with `segments` that of samples [1, heads, N, size] each within
    itself; then [1, N, heads, size]."""
    if segments is None or rest.get("is_causal") is False:
        library: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **rest
        )
        return library
    parts = [segments.spread(whole[0].transpose(0, 1)) for whole in (query, key, value)]
    out, start = [], 0
    for count, width in segments.batches:
        stop = start + count * width
        q, k, v = (
            part[start:stop].reshape(count, width, *part.shape[1:]).transpose(1, 2)
            for part in parts
        )
        seen = functional.scaled_dot_product_attention(
            q, k, v, dropout_p=rest["dropout"], scale=rest["scaling"],
            is_causal=width > 1, enable_gqa=q.shape[1] != k.shape[1],
        )  # fmt: skip
        out.append(seen.transpose(1, 2).flatten(0, 1))
        start = stop
    return segments.collect(torch.cat(out) if len(out) > 1 else out[0])[None], None


class _Spread(torch.autograd.Function):
    """Every token has a place of its own, so the gradient of both ways is a look-up."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, slots: torch.Tensor, places: int) -> torch.Tensor:
        ctx.save_for_backward(slots)
        return rows.new_zeros(places, *rows.shape[1:]).index_copy_(0, slots, rows)

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> tuple[Any, ...]:
        (slots,) = ctx.saved_tensors
        return outer[0].index_select(0, slots), None, None


class _Take(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(places)
        ctx.size = len(rows)
        return rows.index_select(0, places)

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> tuple[Any, ...]:
        (places,) = ctx.saved_tensors
        grad = outer[0]
        return grad.new_zeros(ctx.size, *grad.shape[1:]).index_copy_(0, places, grad), None


AttentionInterface.register(SDPA, attend)
