"""Choosing the next token of every row, so that a row's answer is its own business.

A sampled row draws from a stream of its own, named by seed, record, task and draw. Neither the
batch that it stands in nor its place there changes what it says, apart from what rounding does to
logits that are all but equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import LogitsProcessor

from mlcore.randomness import sample_rng

Listener = Callable[[Sequence[int]], None]
"""hears after every step which token each row of the batch has got, finished rows too"""
_BELOW_ONE = 1.0 - 2.0**-40
"""the largest number that is drawn: the end of a sum of probabilities is never reached"""


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. Temperature 0 takes the likeliest token each time.

    `top_p` keeps the likeliest tokens that together have this probability. `repetition_penalty`
    divides positive and multiplies negative logits of tokens of the prompt and the answer so far.
    `no_repeat_ngram_size` above 0 says no run of that many tokens twice, the prompt's included.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int = 0
    no_repeat_ngram_size: int = 0


GREEDY = Sampling()


def row_stream(seed: int, record: str, task: str, draw: int) -> np.random.Generator:
    """The numbers that one answer is drawn by; `draw` counts the answers to the same question."""
    return sample_rng(seed, draw, record, f"answer/{task}")


class Chooser(LogitsProcessor):  # type: ignore[misc]
    """Chooses one token for each row and keeps how likely the model held it.

    It leaves the library only one token to take, so the library must take the best one
    (`do_sample=False`). `logprobs` has a tensor [rows] for each step: the natural logarithm of the
    chosen token's probability as the model gave it, before penalty, temperature and top_p.
    """

    def __init__(
        self,
        sampling: Sampling,
        streams: Sequence[np.random.Generator],
        pad: int,
        listener: Listener | None = None,
    ) -> None:
        self.logprobs: list[torch.Tensor] = []
        self._sampling = sampling
        self._streams = streams
        self._pad = pad
        self._listener = listener

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        logits = scores.float()
        wanted = logits
        if self._sampling.repetition_penalty != 1.0:
            wanted = self._penalised(input_ids, logits)
        chosen = wanted.argmax(dim=-1) if self._sampling.temperature == 0 else self._draw(wanted)
        places = chosen[:, None]
        self.logprobs.append((logits.gather(1, places) - logits.logsumexp(-1, keepdim=True))[:, 0])
        if self._listener is not None:
            self._listener(chosen.tolist())
        return torch.full_like(scores, -torch.inf).scatter_(1, places, 0.0)

    def _penalised(self, input_ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Padding counts as not said: it is there only because of other rows."""
        penalty = self._sampling.repetition_penalty
        said = logits.gather(1, input_ids)
        said = torch.where(said < 0, said * penalty, said / penalty)
        out = logits.scatter(1, input_ids, said)
        out[:, self._pad] = logits[:, self._pad]
        return out

    def _draw(self, logits: torch.Tensor) -> torch.Tensor:
        """Tokens [rows] by the inverse of the distribution function, tokens in order of their id.

        One number of each row's stream per step, so its use of the stream depends on nothing.
        """
        shares = (logits / self._sampling.temperature).softmax(-1)
        if self._sampling.top_p < 1.0:
            best, order = shares.sort(dim=-1, descending=True, stable=True)
            beyond = best.cumsum(-1) - best >= self._sampling.top_p
            shares = shares.masked_fill(beyond.scatter(1, order, beyond), 0.0)
        sums = shares.double().cumsum(-1)
        drawn = np.array([stream.random() for stream in self._streams]).clip(0.0, _BELOW_ONE)
        marks = torch.from_numpy(drawn).to(sums.device)[:, None] * sums[:, -1:]
        return torch.searchsorted(sums, marks, right=True)[:, 0]
