"""What the raw answers of the labelling platform mean: a mapping that is data (`taxonomy.json`).

For each family (bbu, rru) it lists the types of objects; for each type its names on the platform,
its class (or the answer that tells it), its geometries, and its attributes in the order of a
description. An attribute has the questions and content keys that ask for it, and pairs of a raw
answer and a compact value. A raw answer is first looked up as a whole; else the longest raw text
that occurs in it counts. Where several answers map to a value marked negative and one that is not,
the negative ones stand. An attribute with `when` is asked only where the compact value of another
one, earlier in the list, is the given one.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from mlcore.config.base import StrictModel
from mlcore.contract.desc import make_desc
from mlcore.contract.domains import CATEGORIES, GROUP_KEY, Domain
from mlcore.contract.pictures import Fault
from mlcore.contract.records import Kind
from mlcore.errors import DataError

SHIPPED = Path(__file__).with_name("taxonomy.json")
PARTS = re.compile(r"[,，;；、|]")
DIGITS = re.compile(r"\d+(\.\d+)?")
Answers = Mapping[str, list[str]]
"""raw answers by question or content key"""


class When(StrictModel):
    """The compact value of an earlier attribute on which this one depends."""

    key: str
    value: str


class Asked(StrictModel):
    """What asks for something: questions are tried first, then content keys."""

    questions: list[str]
    contents: list[str]


class ClassAnswer(Asked):
    """The answer that tells the class of an object."""

    values: dict[str, str]


class Attribute(Asked):
    """One key of a description."""

    key: str
    values: dict[str, str] = Field(default_factory=dict)
    """raw answer to compact value; an empty value says nothing"""
    negative: list[str] = Field(default_factory=list)
    """compact values that stand where others were given beside them"""
    form: Literal["values", "text", "number"] = "values"
    """free text is kept as it is, of a number its digits"""
    several: bool = False
    """whether one answer may name several values, separated by commas"""
    optional: bool = False
    """whether it may be left unanswered without being counted"""
    when: When | None = None
    instead_of: str = ""
    """the key that is left out where this one has a value"""
    prefixes: list[str] = Field(default_factory=list)
    """an answer that begins so holds free text behind it, and no value"""
    nested_in: list[str] = Field(default_factory=list)
    """questions to another attribute whose answer may hold this free text behind a prefix"""


class ObjectType(StrictModel):
    """One type of object of a family."""

    names: list[str]
    class_: str | ClassAnswer = Field(alias="class")
    geometries: list[Kind]
    attributes: list[Attribute]


class Taxonomy(StrictModel):
    """The whole mapping."""

    schema_: Literal["taxonomy/1"] = Field(alias="schema")
    type: Asked
    dropped_questions: list[str]
    dropped_contents: list[str]
    dropped_text: list[str]
    """free text that holds one of these is a note of the annotator to others and left out"""
    families: dict[Domain, list[ObjectType]]


@dataclass(frozen=True)
class Meant:
    """What the answers about one object mean."""

    type: ObjectType
    desc: str


def read_taxonomy(path: Path = SHIPPED) -> Taxonomy:
    """A taxonomy file. Raises DataError when it cannot be read or is none."""
    try:
        return Taxonomy.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {path.name}: {error.strerror}", where=str(path)) from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} is no taxonomy: {error}", where=str(path)) from error


class Reader:
    """Turns answers of one family into descriptions; counts what it leaves out."""

    def __init__(self, taxonomy: Taxonomy, family: Domain, noted: Counter[str]) -> None:
        self.taxonomy = taxonomy
        self.family = family
        self.types = taxonomy.families[family]
        self.noted = noted

    def meaning(self, answers: Answers, groups: Sequence[str]) -> Meant | Fault:
        """The description of an object, or why its answers have none.

        `groups` are named where the class of the object names its group.
        """
        kind = self._type(answers)
        if isinstance(kind, Fault):
            return kind
        name = self._class(kind, answers)
        if isinstance(name, Fault):
            return name
        values: dict[str, str] = {}
        for attribute in kind.attributes:
            fault = self._attribute(attribute, answers, values)
            if fault is not None:
                return Fault(fault.rule, f"{name}: {fault.message}")
        if groups and GROUP_KEY in CATEGORIES[self.family].get(name, ()):
            values[GROUP_KEY] = "|".join(groups)
        self._note_unknown(kind, answers)
        return Meant(kind, make_desc(name, values))

    def _type(self, answers: Answers) -> ObjectType | Fault:
        raw = _answers(self.taxonomy.type, answers)
        if not raw:
            return Fault("source.label", "has no label")
        for text in (raw[0], raw[0].split("/", 1)[0]):
            for kind in self.types:
                if text in kind.names:
                    return kind
        return Fault("source.label", f"names the label {raw[0]!r}, which its family has not")

    def _class(self, kind: ObjectType, answers: Answers) -> str | Fault:
        if isinstance(kind.class_, str):
            return kind.class_
        raw = _answers(kind.class_, answers)
        found = [compact(text, kind.class_.values) for text in raw]
        if len(set(found)) != 1 or not found[0]:
            return Fault("platform.value", f"{kind.names[0]}: {raw} tells no class")
        return found[0]

    def _attribute(
        self, attribute: Attribute, answers: Answers, values: dict[str, str]
    ) -> Fault | None:
        if attribute.when and values.get(attribute.when.key) != attribute.when.value:
            return None
        raw = _answers(attribute, answers)
        if attribute.form == "text":
            value = self._text(attribute, answers)
        elif attribute.form == "number":
            digits = [found.group(0) for text in raw if (found := DIGITS.search(text))]
            value = digits[0] if digits else ""
            if raw and not value:
                return Fault("platform.value", f"{attribute.key}: {raw} has no number")
        else:
            mapped = _mapped(attribute, raw)
            if isinstance(mapped, Fault):
                return mapped
            value = mapped
        if value:
            values[attribute.key] = value
            values.pop(attribute.instead_of, None)
        elif not attribute.optional:
            self.noted[f"unanswered_{attribute.key}"] += 1
        return None

    def _text(self, attribute: Attribute, answers: Answers) -> str:
        nested = [text for name in attribute.nested_in for text in answers.get(name, [])]
        raw = _answers(attribute, answers) or [
            text.removeprefix(prefix)
            for text in nested
            for prefix in attribute.prefixes
            if text.startswith(prefix)
        ]
        text = re.sub(r"\s+", "", ",".join(raw))
        if any(mark in text for mark in self.taxonomy.dropped_text):
            self.noted["annotator_notes_dropped"] += 1
            return ""
        # a `key=` after a comma would read as a new attribute
        return text.replace("=", "＝") if "," in text else text

    def _note_unknown(self, kind: ObjectType, answers: Answers) -> None:
        asked: list[Asked] = [self.taxonomy.type, *kind.attributes]
        if isinstance(kind.class_, ClassAnswer):
            asked.append(kind.class_)
        known = {name for one in asked for name in [*one.questions, *one.contents]}
        known.update(self.taxonomy.dropped_questions, self.taxonomy.dropped_contents)
        for name in answers:
            if name not in known and not name.isdigit():
                self.noted[f"question_unknown_{name}"] += 1


def compact(raw: str, values: Mapping[str, str]) -> str | None:
    """The compact value of a raw answer: of the same text, else of the longest text within it that
    says something. None for an answer that is not known."""
    text = tidy(raw)
    table = {tidy(key): value for key, value in values.items()}
    if text in table:
        return table[text]
    inner = [key for key, value in table.items() if value and key in text]
    return table[max(inner, key=len)] if inner else None


def tidy(text: str) -> str:
    """NFKC without any space, so that full-width and half-width spellings are one."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def _mapped(attribute: Attribute, raw: Sequence[str]) -> str | Fault:
    texts: list[str] = []
    for text in raw:
        if text.startswith(tuple(attribute.prefixes)):
            continue
        whole = tidy(text) in {tidy(key) for key in attribute.values}
        texts += [text] if whole or not attribute.several else PARTS.split(text)
    found: dict[str, None] = {}
    for text in texts:
        value = compact(text, attribute.values)
        if value:
            found[value] = None
        elif value is None and text:
            return Fault("platform.value", f"{attribute.key}: {text!r} is no known answer")
    bad = [value for value in found if value in attribute.negative]
    return "|".join(bad or found)


def _answers(asked: Asked, answers: Answers) -> list[str]:
    for name in [*asked.questions, *asked.contents]:
        given = [text for text in answers.get(name, []) if text]
        if given:
            return given
    return []
