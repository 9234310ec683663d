"""The backend that a config names, ready to answer."""

from __future__ import annotations

from mlcore.run.context import RunContext
from mlcore.stage_b.backends.config import BackendConfig, ModelBackend, ServerBackend
from mlcore.stage_b.backends.protocol import Backend


def open_backend(
    config: BackendConfig, ctx: RunContext, *, seed: int, max_prompt_tokens: int
) -> Backend:
    """Imports torch only where a model runs in this process."""
    if isinstance(config, ModelBackend):
        from mlcore.stage_b.backends.model import ModelWriter

        return ModelWriter(
            config,
            ctx.resolve(config.model),
            ctx.resolve(config.adapter) if config.adapter is not None else None,
            seed=seed,
            max_prompt_tokens=max_prompt_tokens,
            events=ctx.events,
        )
    if isinstance(config, ServerBackend):
        from mlcore.stage_b.backends.server import ServerWriter

        return ServerWriter(config, seed=seed, max_prompt_tokens=max_prompt_tokens)
    from mlcore.stage_b.backends.replay import ReplayWriter

    return ReplayWriter(ctx.resolve(config.path))
