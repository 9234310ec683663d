"""How sure a model was of each object that it named.

The model's own probabilities of the tokens that it chose, over the characters of the object in the
answer. Nothing is encoded again: another cut into tokens would have other probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

from mlcore.coordjson.format import AnswerFormat, object_spans


class Confidence(NamedTuple):
    """Characters start..stop (stop excluded) of an object in its answer, and two figures in 0..1.

    `mean` is the geometric mean of the probabilities of the tokens that have a character there,
    exp(mean log p), which does not punish a geometry for having many points; `least` is the
    smallest of them.
    """

    start: int
    stop: int
    mean: float
    least: float


def token_ends(tokenizer: Tokenizer, ids: Sequence[int], text: str) -> list[int] | None:
    """How many characters of `text` stand when each token has been said.

    A token that ends within a character counts as before it. None where the tokens do not spell
    the text piece by piece, as when bytes are no UTF-8.
    """
    stream = DecodeStream(ids=[], skip_special_tokens=False)
    ends, at = [], 0
    for id_ in ids:
        piece = stream.step(tokenizer, id_) or ""
        if not text.startswith(piece, at):
            return None
        at += len(piece)
        ends.append(at)
    return ends if at == len(text) else None


def object_confidences(
    text: str,
    spans: Sequence[tuple[int, int]],
    ends: Sequence[int],
    logprobs: Sequence[float],
) -> list[Confidence]:
    """One for each span of characters of `text`, in their order.

    `ends` and `logprobs` (natural logarithms) have an entry for each token of the text. A token
    that reaches over the border of two objects counts for both. Time grows linearly with the
    answer as long as spans stand in their order and apart.
    """
    out = []
    first = 0
    for start, stop in spans:
        while first < len(ends) and ends[first] <= start and not _within(ends, first, start):
            first += 1
        last = first
        while last < len(ends) and (ends[last - 1] if last else 0) < stop:
            last += 1
        inside = logprobs[first:last]
        if inside:
            mean = math.exp(math.fsum(inside) / len(inside))
            out.append(Confidence(start, stop, min(1.0, mean), min(1.0, math.exp(min(inside)))))
    return out


def _within(ends: Sequence[int], token: int, start: int) -> bool:
    """Whether a token that completes no character belongs to the one at `start`."""
    before = ends[token - 1] if token else 0
    return before == ends[token] == start


def answer_confidences(
    tokenizer: Tokenizer,
    text: str,
    ids: Sequence[int],
    logprobs: Sequence[float],
    prefix: int,
    format: AnswerFormat,
    size: tuple[int, int],
) -> list[Confidence] | None:
    """The confidence of every right object of a dense answer, whatever stands around it.

    `text` is all that the tokens say; the answer begins after `prefix` characters, and places
    count from there. `size` is the image's (width, height) in pixels. None where tokens and text
    do not go together, so that nothing can be said.
    """
    ends = token_ends(tokenizer, ids, text)
    if ends is None:
        return None
    spans = object_spans(text[prefix:], format, *size)
    shifted = [(start + prefix, stop + prefix) for start, stop in spans]
    found = object_confidences(text, shifted, ends, logprobs)
    return [c._replace(start=c.start - prefix, stop=c.stop - prefix) for c in found]
