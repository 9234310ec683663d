"""The part of a config that reflects. Light."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mlcore.config.base import StrictModel
from mlcore.stage_b.backends.config import BackendConfig
from mlcore.stage_b.search.config import MinerConfig


class ModelReflectorConfig(StrictModel):
    """A language model reflects."""

    type: Literal["model"]
    """who reflects"""
    backend: BackendConfig | None = None
    """who writes; empty means who writes the candidates, whose limit of prompt tokens then holds
    too"""
    temperature: float = Field(default=0.1, ge=0.0, le=5.0)
    """0 takes the likeliest token each time"""
    top_p: float = Field(default=0.95, gt=0.0, le=1.0)
    """draw from the likeliest tokens that together have this probability"""
    repetition_penalty: float = Field(default=1.0, ge=1.0, le=2.0)
    """above 1 makes tokens that were already said less likely"""
    max_new_tokens: int = Field(default=1024, ge=16, le=65_536)
    """longest answer in tokens"""


ReflectorConfig = Annotated[MinerConfig | ModelReflectorConfig, Field(discriminator="type")]


class HypothesisConfig(StrictModel):
    """When a rule that is not sure yet becomes one, or is given up."""

    min_support_cycles: int = Field(default=2, ge=1)
    """number of reflections that must have named it"""
    min_unique_ticket_keys: int = Field(default=6, ge=1)
    """number of different tickets that must speak for it"""
    max_idle_cycles: int = Field(default=20, ge=1)
    """number of reflections without its being named after which it is rejected"""


class LifecycleConfig(StrictModel):
    """When a learnt rule is removed at the end of an epoch. Never the checklist or S*."""

    enabled: bool = True
    """remove at all"""
    confidence_drop_threshold: float = Field(default=0.35, ge=0.0, le=1.0)
    """share of hits among hits and misses below which a rule is removed"""
    min_miss_before_drop: int = Field(default=3, ge=1)
    """least number of misses before a rule is removed"""


class ReflectionConfig(StrictModel):
    """Learn from tickets whose verdict and label disagree, or whose candidates do."""

    reflector: ReflectorConfig = Field(default_factory=lambda: MinerConfig(type="miner"))
    """who reflects: the deterministic miner, or a language model"""
    batch_size: int = Field(default=16, ge=1, le=1000)
    """tickets of one reflection; those of a k-th retry are batch_size / 2^k, at least one"""
    max_operations: int | None = Field(default=None, ge=1, le=64)
    """largest number of operations of one reflection; empty means no such limit"""
    change_cap_per_epoch: int | None = Field(default=None, ge=1)
    """largest number of operations of one epoch; empty means no such limit"""
    token_budget: int = Field(default=4096, ge=256, le=262_144)
    """tokens of one prompt, estimated on the high side; tickets that do not fit wait for the next
    reflection"""
    retry_budget: int = Field(default=2, ge=0, le=16)
    """number of times that a ticket which nothing covers is tried again in one epoch"""
    max_calls_per_epoch: int | None = Field(default=None, ge=1)
    """largest number of passes of one epoch: every reflection decides in one and operates in
    another"""
    stop_when_unchanged: bool = False
    """end the run after an epoch that left every rule as it was"""
    hypotheses: HypothesisConfig = Field(default_factory=HypothesisConfig)
    """rules that are not sure yet"""
    lifecycle: LifecycleConfig = Field(default_factory=LifecycleConfig)
    """rules that do badly"""
