"""One backward pass of an LM head in a process of its own; prints what it added to the peak.

    python -m tests.bench.head_memory plain|chunked ROWS WIDTH VOCABULARY

The peak is the kernel's own of resident pages (ru_maxrss), in bytes.
"""

from __future__ import annotations

import resource
import sys

import torch
from torch import nn

from mlcore.losses.head import chunked, rows_of
from mlcore.losses.token_ce import token_ce


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(way: str, rows: int, width: int, vocabulary: int) -> None:
    torch.set_num_threads(1)
    hidden = torch.randn(rows, width, requires_grad=True)
    head = nn.Linear(width, vocabulary, bias=False)
    targets = torch.randint(vocabulary, (rows,))
    warm = token_ce(head(hidden[:8]), targets[:8]).sum()
    torch.autograd.backward(warm)
    before = peak()

    def score(some: torch.Tensor, span: slice) -> tuple[torch.Tensor, torch.Tensor]:
        values = token_ce(head(some), targets[span])
        return values.sum() / rows, values[:, None]

    if way == "plain":
        loss, _ = score(hidden, slice(None))
    else:
        size = rows_of(vocabulary)
        spans = [slice(i, min(i + size, rows)) for i in range(0, rows, size)]
        loss, _ = chunked(score, hidden, list(head.parameters()), spans)
    torch.autograd.backward(loss)
    print(peak() - before)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
