"""The part of a config that searches rules. Light."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlcore.config.base import StrictModel
from mlcore.stage_b.backends.config import BackendConfig


class MinerConfig(StrictModel):
    """The deterministic miner of facts proposes. It is no language model, and is named so."""

    type: Literal["miner"]
    """who proposes"""
    support: int = Field(default=3, ge=1)
    """fewest tickets that a rule must turn to their label"""
    precision: float = Field(default=0.6, ge=0.0, le=1.0)
    """least share of turned tickets that turn to their label"""
    pairs: bool = True
    """whether two conditions are joined"""


class ModelProposerConfig(StrictModel):
    """A language model proposes, from tickets that were judged wrongly."""

    type: Literal["model"]
    """who proposes"""
    backend: BackendConfig | None = None
    """who writes; empty means who writes the candidates, whose limit of prompt tokens then holds
    too"""
    tickets: int = Field(default=16, ge=1, le=1000)
    """tickets of one question: those with a clear but wrong vote first"""
    token_budget: int = Field(default=4096, ge=256, le=262_144)
    """tokens of one prompt, estimated on the high side"""
    temperature: float = Field(default=0.4, ge=0.0, le=5.0)
    """0 takes the likeliest token each time"""
    top_p: float = Field(default=0.9, gt=0.0, le=1.0)
    """draw from the likeliest tokens that together have this probability"""
    repetition_penalty: float = Field(default=1.05, ge=1.0, le=2.0)
    """above 1 makes tokens that were already said less likely"""
    max_new_tokens: int = Field(default=2048, ge=16, le=65_536)
    """longest answer in tokens"""


ProposerConfig = Annotated[MinerConfig | ModelProposerConfig, Field(discriminator="type")]


class RuleGateConfig(StrictModel):
    """What a rule must show on the part that it was not proposed from."""

    min_relative_error_reduction: float = Field(default=0.05, ge=0.0, le=1.0)
    """least share of the errors that an added or changed rule must take away"""
    alpha: float = Field(default=0.05, gt=0.0, lt=1.0)
    """level of the paired test, as a probability; rules that are tested together are corrected
    for their number (Holm)"""
    max_false_release_increase: float = Field(default=0.0, ge=0.0, le=1.0)
    """most by which the share of false releases may grow"""
    max_changed_fraction: float = Field(default=1.0, gt=0.0, le=1.0)
    """largest share of tickets whose verdict may change at once"""
    removal_margin: float = Field(default=0.01, gt=0.0, le=0.5)
    """a rule is removed where the share of right verdicts falls by surely less than this"""


class RuleSearchConfig(StrictModel):
    """Propose, test, apply the best, and again."""

    proposer: ProposerConfig = Field(default_factory=lambda: MinerConfig(type="miner"))
    """who proposes rules"""
    propose_share: float = Field(default=0.3, gt=0.0, lt=1.0)
    """share of the tickets that rules are proposed from"""
    gate_share: float = Field(default=0.3, gt=0.0, lt=1.0)
    """share of the tickets that rules are tested on; the rest is for the report alone"""
    iterations: int = Field(default=8, ge=1, le=1000)
    """most times that rules are proposed"""
    candidates: int = Field(default=3, ge=1, le=32)
    """most candidates: rules that are tested together"""
    patience: int = Field(default=2, ge=1, le=100)
    """number of times without an accepted rule after which the search ends"""
    removals: bool = True
    """whether rules that do no good are removed at the end"""
    gate: RuleGateConfig = Field(default_factory=RuleGateConfig)
    """what a rule must show"""

    @model_validator(mode="after")
    def _a_part_is_left(self) -> Self:
        if self.propose_share + self.gate_share > 0.9:
            raise ValueError(
                "propose_share and gate_share leave less than a tenth of the tickets untouched"
            )
        return self
