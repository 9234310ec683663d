"""Who proposes rules, as a config names it."""

from __future__ import annotations

from mlcore.contract.domains import Domain
from mlcore.run.context import RunContext
from mlcore.stage_b.backends.open import open_backend
from mlcore.stage_b.backends.protocol import Backend
from mlcore.stage_b.journal import Journal, JournaledBackend
from mlcore.stage_b.search.config import MinerConfig, ProposerConfig
from mlcore.stage_b.search.model_proposer import ModelProposer
from mlcore.stage_b.search.proposer import Miner, Proposer


def open_proposer(
    config: ProposerConfig,
    ctx: RunContext,
    journal: Journal,
    own: Backend,
    domain: Domain,
    seed: int,
) -> Proposer:
    """`own` is who writes the run's candidates, journaled already."""
    if isinstance(config, MinerConfig):
        return Miner(config)
    backend = own
    if config.backend is not None:
        opened = open_backend(config.backend, ctx, seed=seed, max_prompt_tokens=config.token_budget)
        backend = JournaledBackend(opened, journal)
    return ModelProposer(config, backend, domain, ctx.events.warning)
