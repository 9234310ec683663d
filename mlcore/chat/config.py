"""The part of a config that says what is asked, how it is answered, and in which share."""
from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from mlcore.chat.prompts import (
    MODES,
    NEEDS_DOMAIN,
    PROFILE_MODES,
    Mode,
    ProfileName,
    Prompt,
    PromptChoice,
    SummaryForm,
    profile_prompt,
)
from mlcore.config.base import StrictModel
from mlcore.contract.domains import MISSIONS, Domain, validate_mission
from mlcore.coordjson.format import AnswerFormat
from mlcore.errors import ConfigError
from mlcore.geometry.order import ORDER, Policy

TASK_NAMES: dict[Mode, str] = {"dense": "DETECTION", "summary": "SUMMARY"}
_PREFIX_FIELDS = {"task", "domain", "dataset"}


class MessagesConfig(StrictModel):
    """What is asked and how it is answered. Training and inference must use the same."""

    profile: ProfileName = "inspection"
    """whose words ask; `dense` and `summary_*` ask for one task each"""
    summary_profile: Literal["summary_train_min", "summary_runtime"] | None = None
    """whose words ask for summaries where `profile` has none; empty means that it asks for both"""
    domain: Domain | None = None
    """the equipment family, which `dense` and `summary_runtime` need"""
    mission: str | None = None
    """the inspection item by its full name; `summary_runtime` then says what to look at first"""
    system: str | None = None
    """the system turn's own words instead of the profile's; empty text means no system turn"""
    user: str | None = Field(default=None, min_length=1)
    """the user turn's own words instead of the profile's"""
    answer: AnswerFormat = Field(default_factory=AnswerFormat)
    """how a dense answer is written"""
    summary_form: SummaryForm = "text"
    """the form of the data's summaries, which `summary_*` profiles tell the model"""
    assistant_prefix: str | None = None
    """a line before the answer, with {task} and with {domain} or {dataset}; empty means none"""
    object_order: Policy = ORDER
    """in which order a dense answer names the objects"""

    @field_validator("mission")
    @classmethod
    def _known_mission(cls, name: str | None) -> str | None:
        if name is None:
            return None
        try:
            return validate_mission(name)
        except ConfigError as error:
            raise ValueError(f"{error.message}. {error.hint}") from error

    @field_validator("assistant_prefix")
    @classmethod
    def _sound_prefix(cls, text: str | None) -> str | None:
        if text is None:
            return None
        if not text.strip() or text.splitlines() != [text]:
            raise ValueError("must be one line that is not blank")
        fields = set(_fields(text))
        if "task" not in fields or not fields & {"domain", "dataset"}:
            raise ValueError("must hold {task}, and {domain} or {dataset}")
        if fields - _PREFIX_FIELDS:
            raise ValueError(f"holds {{{sorted(fields - _PREFIX_FIELDS)[0]}}}, which means nothing")
        return text

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.summary_profile and "summary" in PROFILE_MODES[self.profile]:
            raise ValueError(f"summary_profile does nothing: {self.profile} asks for summaries")
        used = (self.profile, *([self.summary_profile] if self.summary_profile else []))
        whole = self.system is not None and self.user is not None
        needing = [name for name in used if name in NEEDS_DOMAIN]
        if needing and self.domain is None and not whole:
            raise ValueError(f"{needing[0]} needs a domain: bbu or rru")
        if self.mission is not None:
            if "summary_runtime" not in used or self.system is not None:
                raise ValueError("mission does nothing without the words of summary_runtime")
            if MISSIONS[self.mission] != self.domain:
                raise ValueError(f"{self.mission} is an item of {MISSIONS[self.mission]}")
        if "domain" in _fields(self.assistant_prefix or "") and self.domain is None:
            raise ValueError("assistant_prefix names {domain}, but domain is empty")
        return self

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The tasks that can be asked for."""
        return MODES if self.user is not None else tuple(m for m in MODES if self._asks(m))

    def profile_for(self, mode: Mode) -> ProfileName:
        """The profile whose words ask for a task."""
        return self.summary_profile if mode == "summary" and self.summary_profile else self.profile

    def prompt(self, mode: Mode) -> Prompt:
        """The words for a task. Raises ConfigError when the profile has none."""
        if self.system is not None and self.user is not None:
            return Prompt(self.system, self.user)
        if self.user is not None and not self._asks(mode):
            return Prompt("", self.user)
        found = profile_prompt(self.profile_for(mode), mode, PromptChoice(
            domain=self.domain, mission=self.mission, answer=self.answer,
            order=self.object_order, summary_form=self.summary_form,
            prefixed=self.assistant_prefix is not None,
        ))
        return Prompt(
            found.system if self.system is None else self.system,
            found.user if self.user is None else self.user,
        )

    def prefix(self, mode: Mode, dataset: str) -> str:
        """The line before an answer with its line break, or nothing.

        Raises ConfigError when it names the dataset and there is none.
        """
        if self.assistant_prefix is None:
            return ""
        if "dataset" in _fields(self.assistant_prefix) and not dataset:
            raise ConfigError("assistant_prefix names {dataset}, but the dataset has no name")
        line = self.assistant_prefix.format(
            task=TASK_NAMES[mode], domain=(self.domain or "").upper(), dataset=dataset
        )
        return f"{line}\n"

    def _asks(self, mode: Mode) -> bool:
        return mode in PROFILE_MODES[self.profile_for(mode)]


def _fields(text: str) -> Iterator[str]:
    """The names in braces. Raises ValueError where braces do not match."""
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is not None:
            if spec or conversion:
                raise ValueError(f"{{{name}}} takes no format")
            yield name
