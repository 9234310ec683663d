"""The head in chunks: the plain head's loss and gradients with few logits at a time."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import nn

from mlcore.losses.head import chunked, rows_of
from mlcore.losses.token_ce import token_ce

ROWS, WIDTH, VOCABULARY = 37, 12, 90


class Outcome(NamedTuple):
    """A loss and what it sends back."""

    loss: torch.Tensor
    values: torch.Tensor
    hidden: torch.Tensor
    weight: torch.Tensor


def outcome(size: int | None, dtype: torch.dtype) -> Outcome:
    """Of chunks of `size` rows, or of the plain head for None."""
    torch.manual_seed(1)
    hidden = torch.randn(ROWS, WIDTH, dtype=dtype, requires_grad=True)
    head = nn.Linear(WIDTH, VOCABULARY, bias=False, dtype=dtype)
    targets = torch.randint(VOCABULARY, (ROWS,))
    if size is None:
        values = token_ce(head(hidden), targets)[:, None]
        loss = values.sum() / ROWS
    else:

        def score(rows: torch.Tensor, span: slice) -> tuple[torch.Tensor, torch.Tensor]:
            assert len(rows) <= size
            part = token_ce(head(rows), targets[span])
            return part.sum() / ROWS, part[:, None]

        spans = [slice(i, min(i + size, ROWS)) for i in range(0, ROWS, size)]
        loss, values = chunked(score, hidden, list(head.parameters()), spans)
    (3.0 * loss).backward()
    assert hidden.grad is not None
    assert head.weight.grad is not None
    return Outcome(loss, values, hidden.grad, head.weight.grad)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
@pytest.mark.parametrize("size", [1, 10, 36, 37, 100])
def test_chunks_give_the_plain_head_s_loss_and_gradients(
    size: int, dtype: torch.dtype, close: float
) -> None:
    for got, expected in zip(outcome(size, dtype), outcome(None, dtype), strict=True):
        assert got.shape == expected.shape
        assert float((got - expected).detach().abs().max()) < close


def test_a_head_that_does_not_learn_gets_no_gradient_and_passes_it_on() -> None:
    hidden = torch.randn(5, WIDTH, requires_grad=True)
    head = nn.Linear(WIDTH, VOCABULARY, bias=False).requires_grad_(False)
    targets = torch.arange(5)

    def score(rows: torch.Tensor, span: slice) -> tuple[torch.Tensor, torch.Tensor]:
        part = token_ce(head(rows), targets[span])
        return part.sum(), part[:, None]

    loss, _ = chunked(score, hidden, list(head.parameters()), [slice(0, 3), slice(3, 5)])
    loss.backward()
    assert head.weight.grad is None
    assert hidden.grad is not None
    assert (hidden.grad != 0).any()


def test_a_chunk_holds_as_many_rows_as_fit_and_never_none() -> None:
    assert rows_of(1000, 4000 * 7 + 3) == 7
    assert rows_of(1000, 1) == 1
