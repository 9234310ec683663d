"""What a run tells besides its losses, and where else it tells it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

from pydantic import Field

from mlcore.config.base import RUNTIME, StrictModel
from mlcore.fusion.config import MemberConfig
from mlcore.metrics.exporter import Place

Selector = Annotated[str, Field(min_length=1, max_length=40)]
Selectors = Annotated[list[Selector], Field(min_length=1)]


class Labelled(NamedTuple):
    """A dataset of the run and its domain, where its messages name one."""

    member: MemberConfig
    domain: str | None

    def chosen_by(self, selector: str) -> bool:
        """By its name, the first words of its name, or its domain; letter case plays no part."""
        wanted, name = selector.lower(), self.member.name.lower()
        starts = re.match(rf"{re.escape(wanted)}($|[_.-])", name) is not None
        return starts or wanted == self.domain


class TokenTypeConfig(StrictModel):
    """Accuracy of tokens by what they are: words, coordinates or the format around them.

    A dataset is chosen by its name, by the first words of its name (`bbu` chooses `bbu_dense`) or
    by its domain.
    """

    enabled: bool = False
    """whether `NAME_token_acc` and `NAME_TYPE_token_acc` are told of the chosen datasets, where
    TYPE is desc, coord, format or summary"""
    include: Selectors | None = None
    """the datasets that it is told of; null means all"""
    exclude: Selectors | None = None
    """those among them that it is not told of; null means none"""

    def chosen(self, datasets: Iterable[Labelled]) -> list[str]:
        """Names of the datasets that it is told of. Raises ValueError when a list chooses none."""
        if not self.enabled:
            return []
        known = list(datasets)
        included = known if self.include is None else _chosen(known, self.include, "include")
        excluded = [] if self.exclude is None else _chosen(known, self.exclude, "exclude")
        names = [row.member.name for row in included if row not in excluded]
        if not names:
            raise ValueError("telemetry.token_type_metrics excludes every dataset it includes")
        return names


class TelemetryConfig(StrictModel):
    """What a run tells besides its losses, and where else it tells it."""

    token_type_metrics: TokenTypeConfig = Field(default_factory=TokenTypeConfig)
    """accuracy of tokens by what they are"""
    exporters: list[Place] = Field(default_factory=list, json_schema_extra=RUNTIME)
    """where the figures also go while the run works: `tensorboard` writes event files into the
    folder `tensorboard` of the run, `mlflow` tells the server that MLFLOW_TRACKING_URI names"""


def _chosen(known: Sequence[Labelled], selectors: Sequence[str], key: str) -> list[Labelled]:
    found = [row for row in known if any(row.chosen_by(selector) for selector in selectors)]
    if not found:
        names = ", ".join(row.member.name for row in known)
        raise ValueError(
            f"telemetry.token_type_metrics.{key} chooses no dataset; there are: {names}"
        )
    return found
