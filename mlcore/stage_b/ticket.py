"""What Stage-B judges, and what it is told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mlcore.facts.fact import Fact, ImageFacts
from mlcore.facts.parse import facts_of

Verdict = Literal["pass", "fail"]


@dataclass(frozen=True)
class Evidence:
    """All that a verdict may depend on: no label, and no name that could hint at one.

    `summaries[i]` is what Stage-A said of `images[i]`; images count from 1 in prompts and reasons.
    """

    mission: str
    images: tuple[str, ...]
    summaries: tuple[str, ...]

    @cached_property
    def facts(self) -> tuple[ImageFacts, ...]:
        """The facts of every image, in their order."""
        return tuple(facts_of(text, i) for i, text in enumerate(self.summaries, start=1))

    @property
    def all_facts(self) -> tuple[Fact, ...]:
        """Facts of all images one after the other."""
        return tuple(fact for image in self.facts for fact in image.facts)


@dataclass(frozen=True)
class Ticket:
    """One group of photographs with the label that a desk gave it.

    The same group may be handed in twice and be labelled differently, so a ticket is a group and
    its label: `ticket_key` is `{group_id}::{label}`. `label_timestamp` is ISO 8601 or empty.
    """

    group_id: str
    label: Verdict
    evidence: Evidence
    label_source: str = "human"
    label_timestamp: str = ""

    @property
    def ticket_key(self) -> str:
        return f"{self.group_id}::{self.label}"

    @property
    def mission(self) -> str:
        return self.evidence.mission


@dataclass(frozen=True)
class Decode:
    """How one column of the rollout grid samples. `seed` None takes the run's."""

    temperature: float
    top_p: float
    max_new_tokens: int
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
