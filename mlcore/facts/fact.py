"""One fact: what one image says about one sort of thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlcore.facts.words import GOOD, is_pending, negative

Polarity = Literal["positive", "negative", "neutral"]
Certainty = Literal["certain", "uncertain"]


@dataclass(frozen=True, order=True)
class Fact:
    """`attribute` and `value` are empty where the fact is that the subject is there.

    `image` counts from 1. `count` is how many objects of the image it is true of; a summary in the
    form of statistics does not say which values belong to one object, so counts of two facts
    cannot be joined.
    """

    image: int
    subject: str
    attribute: str = ""
    value: str = ""
    polarity: Polarity = "neutral"
    certainty: Certainty = "certain"
    count: int = 1

    @property
    def words(self) -> str:
        """`SUBJECT ATTRIBUTE=VALUE`, as reasons quote it."""
        return f"{self.subject} {self.attribute}={self.value}" if self.attribute else self.subject


@dataclass(frozen=True)
class ImageFacts:
    """What the summary of one image says.

    `remarks` are its free texts. `unparsed` is the whole summary where it is in no known form:
    then there are no facts, and only text patterns can read it.
    """

    image: int
    facts: tuple[Fact, ...] = ()
    remarks: tuple[str, ...] = ()
    irrelevant: bool = False
    unparsed: str = ""

    @property
    def objects(self) -> int:
        """How many objects it names; 0 for an irrelevant image and for one in no known form."""
        return sum(fact.count for fact in self.facts if not fact.attribute)


def polarity_of(key: str, value: str) -> Polarity:
    """What a value of an attribute says about its object. Free text says nothing by itself."""
    if negative(key, value):
        return "negative"
    return "positive" if value in GOOD else "neutral"


def certainty_of(value: str) -> Certainty:
    """Whether a value is stated or left open."""
    return "uncertain" if is_pending(value) else "certain"
