"""Who reflects, as a config names it."""

from __future__ import annotations

from mlcore.contract.domains import Domain
from mlcore.run.context import RunContext
from mlcore.stage_b.backends.open import open_backend
from mlcore.stage_b.backends.protocol import Backend
from mlcore.stage_b.journal import Journal, JournaledBackend
from mlcore.stage_b.reflection.config import ReflectionConfig
from mlcore.stage_b.reflection.meeting import Reflector
from mlcore.stage_b.reflection.miner import MinerReflector
from mlcore.stage_b.reflection.model import ModelReflector
from mlcore.stage_b.search.config import MinerConfig


def open_reflector(
    config: ReflectionConfig,
    ctx: RunContext,
    journal: Journal,
    own: Backend,
    domain: Domain,
    seed: int,
) -> Reflector:
    """`own` is who writes the run's candidates, journaled already."""
    who = config.reflector
    if isinstance(who, MinerConfig):
        return MinerReflector(who)
    if who.backend is None:
        return ModelReflector(who, own, domain)
    opened = open_backend(who.backend, ctx, seed=seed, max_prompt_tokens=config.token_budget)
    return ModelReflector(who, JournaledBackend(opened, journal), domain)
