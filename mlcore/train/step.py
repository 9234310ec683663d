"""One forward pass of Stage-1: hidden states, LM head on supervised rows only, named terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import nn
from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.collate import ModelBatch
from mlcore.chat.render import UNSUPERVISED
from mlcore.chat.token_types import TYPES
from mlcore.losses.head import CHUNK_BYTES, chunked, rows_of
from mlcore.losses.terms import KINDS, Counts, Kind, Objective, coord_values, text_values
from mlcore.models.forward import hidden_states, lm_logits
from mlcore.models.segments import take


class StepOutput(NamedTuple):
    """What one micro-batch adds to a step.

    loss, 0-d, is divided by the denominators of the whole step already: those of all micro-batches
    and ranks add up to the loss of the step. sums, float64 0-d, and samples, float64 [samples], are
    by the name of the term, without weight and without gradient: over the batch, and of each sample
    of it. right, float64 [samples, types], counts the supervised tokens of each type that the model
    finds the likeliest of all, and is None where it was not asked for the true answers. A tuple, so
    that engines find the tensors in it.
    """

    loss: torch.Tensor
    sums: dict[str, torch.Tensor]
    samples: dict[str, torch.Tensor]
    right: torch.Tensor | None


class Group(NamedTuple):
    """Supervised positions of one kind: their places among the batch's tokens laid out in one row,
    the tokens that they are to say, the samples that they belong to and the types that these tokens
    have. All int64 [N]."""

    rows: torch.Tensor
    targets: torch.Tensor
    owner: torch.Tensor
    types: torch.Tensor


class Beside(Protocol):
    """A further loss on the logits that the supervised one has made."""

    def loss(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Its share of the step's loss, 0-d. logits [n, V] at the places `rows`, int64 [n], among
        the batch's tokens laid out in one row; each place is asked for once."""
        ...


class SftStep(nn.Module):
    """Batch in, loss out. `coord_ids` int64 [1000] is the token of each bin.

    No more than `chunk_bytes` of logits, counted in float32, are held at a time.
    """

    coord_ids: torch.Tensor
    bin_of: torch.Tensor

    def __init__(
        self,
        model: Qwen3VLForConditionalGeneration,
        coord_ids: list[int],
        objective: Objective | None = None,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        super().__init__()
        self.model = model
        self.objective = objective or Objective()
        self.terms = self.objective.terms
        self.chunk_bytes = chunk_bytes
        ids = torch.tensor(coord_ids)
        bins = torch.full((model.config.text_config.vocab_size,), -1)
        bins[ids] = torch.arange(len(coord_ids))
        self._bin_of = bins.numpy().copy()
        self.register_buffer("coord_ids", ids, persistent=False)
        self.register_buffer("bin_of", bins, persistent=False)

    def forward(self, batch: ModelBatch, counts: Counts, sigma: float) -> StepOutput:
        """The loss of a batch. `counts` are the supervised positions of the whole step; `sigma` is
        the width of the coordinate target in bins, which plain cross-entropy does not use."""
        return self.scored(self.states(batch), batch, counts, sigma)

    def states(self, batch: ModelBatch) -> torch.Tensor:
        """The final hidden states [B, L, D] of a batch."""
        return hidden_states(
            self.model,
            batch.input_ids,
            batch.position_ids,
            batch.pixel_values,
            batch.image_grid_thw,
        )

    def scored(
        self,
        states: torch.Tensor,
        batch: ModelBatch,
        counts: Counts,
        sigma: float,
        beside: Beside | None = None,
    ) -> StepOutput:
        """The loss of a batch from its hidden states [B, L, D], and what `beside` makes of the
        same logits."""
        groups = self._groups(batch)
        losses: list[torch.Tensor] = []
        samples: dict[str, torch.Tensor] = {}
        rights: list[torch.Tensor] = []
        for kind in KINDS:
            loss, of_samples, right = self._score(
                states, groups[kind], kind, counts, sigma, batch.samples, beside
            )
            losses.append(loss)
            samples |= of_samples
            rights.append(right)
        sums = {name: values.sum() for name, values in samples.items()}
        return StepOutput(sum_of(losses), sums, samples, torch.stack(rights).sum(0))

    def counts(self, batch: ModelBatch) -> torch.Tensor:
        """Supervised positions of each sample of a batch, int64 [samples, 2]: text, coordinates.

        The batch is on the CPU.
        """
        labels, owner = batch.labels.numpy(), batch.owner.numpy()
        supervised = labels != UNSUPERVISED
        bins = self._bin_of[labels[supervised]]
        cell = 2 * owner[supervised] + (bins >= 0)
        counted = np.bincount(cell, minlength=2 * batch.samples)
        return torch.from_numpy(counted.reshape(batch.samples, 2))

    def _groups(self, batch: ModelBatch) -> dict[Kind, Group]:
        """The supervised positions of a batch by their kind."""
        targets_BL = batch.labels[:, 1:]
        length = batch.labels.shape[1]
        places = (targets_BL != UNSUPERVISED).nonzero()
        rows = places[:, 0] * length + places[:, 1]
        targets = batch.labels.flatten()[rows + 1]
        owner = batch.owner.flatten()[rows + 1]
        types = batch.types.flatten()[rows + 1].long()
        is_coord = self.bin_of[targets] >= 0
        chosen: dict[Kind, torch.Tensor] = {"text": ~is_coord, "coord": is_coord}
        return {kind: Group(rows[c], targets[c], owner[c], types[c]) for kind, c in chosen.items()}

    def _score(
        self,
        states: torch.Tensor,
        group: Group,
        kind: Kind,
        counts: Counts,
        sigma: float,
        samples: int,
        beside: Beside | None,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """The loss of the positions of one kind, the sums of each sample by term, and its right
        tokens by type."""
        terms = self.objective.at(kind)
        weights = [term.weight / term.denominator(counts) for term in terms]
        target = self.objective.target(sigma)

        def score(rows: torch.Tensor, span: slice) -> tuple[torch.Tensor, torch.Tensor]:
            logits = lm_logits(self.model, rows)
            said = group.targets[span]
            if kind == "text":
                values = text_values(logits, said, self.coord_ids, target, terms)
            else:
                values = coord_values(logits, self.bin_of[said], self.coord_ids, target, terms)
            losses = [v.sum() * w for v, w in zip(values, weights, strict=True)]
            if beside is not None:
                losses.append(beside.loss(logits, group.rows[span]))
            right = (logits.argmax(-1) == said).to(losses[0].dtype)
            return sum_of(losses), torch.stack([*values, right], dim=1)

        spans = self.spans(len(group.rows))
        head = list(self.model.lm_head.parameters())
        loss, values = chunked(score, take(states.flatten(0, 1), group.rows), head, spans)
        lengths = torch.bincount(group.owner, minlength=samples)
        columns = values.detach().double()
        sums = torch.segment_reduce(columns[:, :-1], "sum", lengths=lengths, axis=0)
        right = columns.new_zeros(samples * len(TYPES))
        right.index_add_(0, group.owner * len(TYPES) + group.types, columns[:, -1])
        told = {term.name: sums[:, i] for i, term in enumerate(terms)}
        return loss, told, right.view(samples, len(TYPES))

    def spans(self, count: int) -> list[slice]:
        """Chunks of `count` positions; none make an empty chunk, as every rank runs the head."""
        size = rows_of(len(self._bin_of), self.chunk_bytes)
        return [slice(i, min(i + size, count)) for i in range(0, max(count, 1), size)]


def sum_of(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """The sum of tensors without a dimension."""
    return torch.stack(list(parts)).sum()
