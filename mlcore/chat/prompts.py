"""Prompt profiles: what the user turn says, one sentence per task."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlcore.errors import ConfigError

Mode = Literal["dense", "summary"]
MODES: tuple[Mode, ...] = ("dense", "summary")
ProfileName = Literal["inspection", "detection"]


@dataclass(frozen=True)
class PromptProfile:
    """The words of one domain. `system` empty means no system turn."""

    name: str
    dense: str
    summary: str
    system: str = ""

    def user_text(self, mode: Mode) -> str:
        """The text that follows the image in the user turn."""
        return self.dense if mode == "dense" else self.summary


PROFILES: dict[str, PromptProfile] = {
    "inspection": PromptProfile(
        name="inspection",
        dense="列出图中所有对象及其坐标。",
        summary="汇总图中所有对象。",
    ),
    "detection": PromptProfile(
        name="detection",
        dense="List every object in the image with its coordinates.",
        summary="Summarise the objects in the image.",
    ),
}


def profile_named(name: str) -> PromptProfile:
    """A shipped profile. Raises ConfigError for an unknown name."""
    if name not in PROFILES:
        raise ConfigError(f"no prompt profile {name!r}; there are {', '.join(sorted(PROFILES))}")
    return PROFILES[name]
