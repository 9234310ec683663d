"""What a summary becomes before it is written, and of which form it is.

The reading of a model's words lies behind the one door, in `mlcore.coordjson.said_summary`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlcore.coordjson.errors import CoordJsonError
from mlcore.coordjson.said_summary import said_summary
from mlcore.coordjson.summary import IRRELEVANT, parse_summary

Form = Literal["irrelevant", "statistics", "text", "free"]
FORMS: tuple[Form, ...] = ("irrelevant", "statistics", "text", "free")


@dataclass(frozen=True)
class Summary:
    """One line of text that is not blank. `free` is a text in no form that facts are read from;
    `mended` says that the model's own words were other ones."""

    text: str
    form: Form
    mended: bool


def sanitised(said: str) -> Summary:
    """The summary of an answer. Raises CoordJsonError where nothing was said."""
    text = said_summary(said)
    return Summary(text, _form(text), mended=text != said)


def _form(text: str) -> Form:
    if text == IRRELEVANT:
        return "irrelevant"
    try:
        parse_summary(text)
    except CoordJsonError:
        return "free"
    return "statistics" if text.startswith("{") else "text"
