"""Positions of tokens: text order, and time, height and width for images (mRoPE).

Text advances all three axes by one per token. An image's tokens share one time and spread over
the grid's rows and columns; what follows continues after the larger side of that grid, as the
library's `get_rope_index` does for Qwen3-VL.
"""
from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Segment = int | tuple[int, int, int]
"""a number of text tokens, or an image's (time, height, width) in merged tokens"""


@lru_cache(maxsize=256)
def prefix_positions(segments: tuple[Segment, ...]) -> tuple[npt.NDArray[np.int64], int]:
    """Axes [3, n] of the segments, and the position that the next token takes. Read only."""
    parts: list[npt.NDArray[np.int64]] = []
    position = 0
    for segment in segments:
        if isinstance(segment, int):
            parts.append(np.tile(np.arange(position, position + segment), (3, 1)))
            position += segment
            continue
        axes = np.indices(segment, dtype=np.int64).reshape(3, -1)
        parts.append(axes + position)
        position += max(segment[1], segment[2])
    axes = np.concatenate(parts, axis=1).astype(np.int64)
    axes.flags.writeable = False
    return axes, position


def position_ids(segments: tuple[Segment, ...], answer_length: int) -> npt.NDArray[np.int64]:
    """Positions [4, L] (text, time, height, width) of a prompt and the answer after it."""
    prefix, following = prefix_positions(segments)
    start = prefix.shape[1]
    out = np.empty((4, start + answer_length), dtype=np.int64)
    out[0] = np.arange(start + answer_length)
    out[1:, :start] = prefix
    out[1:, start:] = np.arange(following, following + answer_length)
    return out
