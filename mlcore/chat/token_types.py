"""The type of every supervised token, from the pieces that the renderer wrote.

    desc     the words of a description
    coord    a coordinate: its token, or the digits of its number
    format   the JSON around them, a line before it, and the end of the turn
    summary  a summary
    text     what an assistant says in a plain conversation

Tokens never cross a piece, so a token has exactly one type, whatever the grammar of the answer.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mlcore.chat.render import UNSUPERVISED, TrainingExample

TYPES = ("desc", "coord", "format", "summary", "text")
NO_TYPE: Final = -1
"""of a token that carries no loss"""
_CODES = {**{name: code for code, name in enumerate(TYPES)}, "eos": TYPES.index("format")}


def token_types(example: TrainingExample) -> npt.NDArray[np.int8]:
    """Places in TYPES, int8 [L]; NO_TYPE where there is no label."""
    out = np.full(len(example), NO_TYPE, dtype=np.int8)
    codes = [_CODES[span.name] for span in example.spans]
    lengths = [span.stop - span.start for span in example.spans]
    out[example.labels != UNSUPERVISED] = np.repeat(np.array(codes, dtype=np.int8), lengths)
    return out
