"""Hints for a word that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'? Known: x, y.`, the question only where a known word is near."""
    names = list(known)
    near = nearest(word, names)
    question = f"Did you mean {near!r}? " if near else ""
    return f"{question}Known: {', '.join(names)}."


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like it, empty where none is near."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return close[0] if close else ""
