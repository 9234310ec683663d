"""Prompt profiles: what the system and the user turn say for each task.

`inspection` and `detection` say one sentence each. `dense` and the two `summary_*` profiles spell
out format, criterion and the knowledge of an equipment family; their words lie in
`mlcore.chat.prompt_texts`. Every text is pinned by tests/golden/prompts.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from mlcore.chat import prompt_texts as texts
from mlcore.contract.domains import MISSIONS, Domain
from mlcore.coordjson.format import AnswerFormat
from mlcore.errors import ConfigError
from mlcore.geometry.order import ORDER, Policy, describe
from mlcore.near import did_you_mean

Mode = Literal["dense", "summary"]
MODES: tuple[Mode, ...] = ("dense", "summary")
Task = Literal["dense", "summary", "chat"]
"""what a sample teaches; `chat` is a conversation that no record stands behind"""
TASKS: tuple[Task, ...] = ("dense", "summary", "chat")
ProfileName = Literal[
    "inspection", "detection", "dense", "summary_train_min", "summary_runtime", "chat"
]
PROFILES: tuple[ProfileName, ...] = get_args(ProfileName)
SummaryForm = Literal["text", "json"]

PROFILE_MODES: dict[ProfileName, tuple[Mode, ...]] = {
    "inspection": MODES,
    "detection": MODES,
    "dense": ("dense",),
    "summary_train_min": ("summary",),
    "summary_runtime": ("summary",),
    "chat": (),
}
"""the tasks that each profile asks for; `chat` asks for none: its turns are in the data"""
NEEDS_DOMAIN: tuple[ProfileName, ...] = ("dense", "summary_runtime")
STATES_FORM: tuple[ProfileName, ...] = ("summary_train_min", "summary_runtime")
"""profiles that tell the model the form of a summary, which the data must then have"""

_ONE_SENTENCE: dict[tuple[ProfileName, Mode], str] = {
    ("inspection", "dense"): "列出图中所有对象及其坐标。",
    ("inspection", "summary"): "汇总图中所有对象。",
    ("detection", "dense"): "List every object in the image with its coordinates.",
    ("detection", "summary"): "Summarise the objects in the image.",
}


@dataclass(frozen=True)
class Prompt:
    """The words around an image. `system` empty means no system turn."""

    system: str
    user: str


@dataclass(frozen=True)
class PromptChoice:
    """What a profile's text depends on.

    `prefixed` says that a line naming the task stands before the answer.
    """

    answer: AnswerFormat
    domain: Domain | None = None
    mission: str | None = None
    order: Policy = ORDER
    summary_form: SummaryForm = "text"
    prefixed: bool = False


def profile_prompt(profile: str, mode: Mode, choice: PromptChoice) -> Prompt:
    """The prompt of a profile for a task.

    Raises ConfigError for an unknown profile, a task that it does not ask for, and a missing
    domain.
    """
    name = _known(profile)
    if mode not in PROFILE_MODES[name]:
        raise ConfigError(
            f"the profile {name} has no prompt for the task {mode}", hint=_other_profile(mode)
        )
    if name in NEEDS_DOMAIN and choice.domain is None:
        raise ConfigError(
            f"the profile {name} needs a domain", hint="Set domain to bbu or rru."
        )
    if (name, mode) in _ONE_SENTENCE:
        return Prompt("", _ONE_SENTENCE[name, mode])
    if name == "dense":
        return Prompt(_dense_system(choice), texts.DENSE_USER)
    system = _summary_system(choice)
    if name == "summary_train_min" or choice.domain is None:
        return Prompt(system, texts.SUMMARY_USER)
    if choice.mission is not None:
        system = "\n".join([system, texts.mission_prior(choice.mission)])
    return Prompt(system, "\n".join([texts.PACKS[choice.domain], texts.SUMMARY_USER]))


def _known(profile: str) -> ProfileName:
    for name in PROFILES:
        if profile == name:
            return name
    raise ConfigError(f"no prompt profile {profile!r}", hint=did_you_mean(profile, PROFILES))


def _other_profile(mode: Mode) -> str:
    fitting = [name for name, modes in PROFILE_MODES.items() if mode in modes]
    return f"Profiles with one: {', '.join(fitting)}; or give the words themselves as `user`."


def _dense_system(choice: PromptChoice) -> str:
    assert choice.domain is not None
    lines = [
        texts.DENSE_ROLE,
        texts.DENSE_TWO_LINES if choice.prefixed else texts.DENSE_ONE_LINE,
        choice.answer.builder.asked(choice.answer),
        texts.GEOMETRY,
        texts.EVIDENCE,
        texts.DESC_RULES,
        texts.LABEL_RULES,
        describe(choice.order, "zh"),
        texts.schema_hint(choice.domain),
        *texts.DENSE_PRIORS[choice.domain],
    ]
    return "\n".join(line for line in lines if line)


def _summary_system(choice: PromptChoice) -> str:
    lines = [
        texts.SUMMARY_ROLE,
        texts.SUMMARY_TWO_LINES if choice.prefixed else "",
        texts.SUMMARY_FORMS[choice.summary_form],
        texts.SUMMARY_CRITERION,
        texts.SUMMARY_IRRELEVANT,
    ]
    return "\n".join(line for line in lines if line)


assert set(texts.MISSION_PRIORS) == set(MISSIONS)
