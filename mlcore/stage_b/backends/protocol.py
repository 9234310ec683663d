"""The one way in which Stage-B asks for text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mlcore.chat.messages import Turn
from mlcore.randomness import sample_rng
from mlcore.stage_b.ticket import Decode


@dataclass(frozen=True)
class Question:
    """One prompt. `name` and `draw` fix what is drawn: no name may hold a label.

    `draw` counts the answers to the same question over the whole grid.
    """

    name: str
    turns: tuple[Turn, ...]
    draw: int = 0


@dataclass(frozen=True)
class Reply:
    """An answer. `text` is None where none was made, and `problem` says why: a prompt over the
    limit is never cut."""

    text: str | None
    problem: str = ""
    prompt_tokens: int = 0
    new_tokens: int = 0
    finished: bool = True


class Backend(Protocol):
    """`model_digest` is None where the weights cannot be seen from here. `about` goes into the
    run's metadata."""

    model_digest: str | None
    about: Mapping[str, Any]

    def answer(self, questions: Sequence[Question], decode: Decode) -> list[Reply]:
        """One reply per question, in their order, whatever is asked together.

        Raises InfrastructureError where the server stays away, OutOfMemoryError where a single
        question does not fit.
        """
        ...


def draw_seed(seed: int, question: Question) -> int:
    """The 31-bit seed of one answer for a server that draws by itself: a pure function of the
    run's seed, the question's name and its draw."""
    rng = sample_rng(seed, question.draw, question.name, "stage_b/answer")
    return int(rng.integers(0, 2**31))


def cut_at_stop(text: str, stop: Sequence[str]) -> str:
    """The text before the first stop string."""
    places = [text.index(word) for word in stop if word in text]
    return text[: min(places)] if places else text
