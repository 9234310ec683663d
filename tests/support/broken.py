"""Good answers with something done to them, and junk, drawn by hypothesis."""
from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st


def mutations(texts: st.SearchStrategy[str], pieces: Sequence[str]) -> st.SearchStrategy[str]:
    """A text in which up to three stretches are replaced by pieces of the grammar."""

    def broken(text: str) -> st.SearchStrategy[str]:
        place = st.integers(0, len(text))
        change = st.tuples(place, st.integers(0, 9), st.sampled_from(["", *pieces]))
        return st.lists(change, max_size=3).map(lambda changes: _changed(text, changes))

    return texts.flatmap(broken)


def _changed(text: str, changes: Sequence[tuple[int, int, str]]) -> str:
    for at, length, piece in changes:
        text = text[:at] + piece + text[at + length :]
    return text


def junk(pieces: Sequence[str]) -> st.SearchStrategy[str]:
    """Anything, with a liking for the signs of the grammar."""
    return st.lists(st.sampled_from(pieces) | st.text(max_size=4), max_size=6).map("".join)


DESCS = ['"a"', '"b"', '""', '" "', '" a"', '"a } b"', '"\\n"', '"\n"', '"\u2028"', '"\ud800"',
         '"\\u0041"', '"\\x"', "7", "null", "[1]", "-", ""]
STARTS = ['{"desc": ', '{ "desc" :\t', '{"desc":', '{"desc"', '{"d\\u0065sc": ', '{"x": ']


def wrong_objects(tails: list[str]) -> st.SearchStrategy[str]:
    """Objects with few different parts, most of them wrong, so that many have parts in common."""
    return st.builds(
        "{}{}{}".format, st.sampled_from(STARTS), st.sampled_from(DESCS),
        st.sampled_from(tails),
    )
