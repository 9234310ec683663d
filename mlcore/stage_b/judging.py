"""Judging tickets by a guidance, each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlcore.contract.domains import Domain
from mlcore.stage_b.backends.protocol import Backend
from mlcore.stage_b.config import StageBConfig
from mlcore.stage_b.decide import Decided, decide
from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.rollout import Rolled, roll
from mlcore.stage_b.ticket import Ticket

_Texts = tuple[tuple[str, str], ...]


class Judgements:
    """What the backend said of tickets under each text of guidance, so that nothing is asked
    twice. `check_stop` is called between batches."""

    def __init__(
        self,
        config: StageBConfig,
        backend: Backend,
        domain: Domain,
        check_stop: Callable[[], None],
    ) -> None:
        self._config, self._backend, self._domain = config, backend, domain
        self._check_stop = check_stop
        self._known: dict[tuple[_Texts, str], Rolled] = {}

    def rolled(self, tickets: Sequence[Ticket], guidance: Guidance) -> list[Rolled]:
        """Candidates of tickets, in their order."""
        texts = tuple(guidance.experiences.items())
        waiting = [t for t in tickets if (texts, t.ticket_key) not in self._known]
        size = self._config.runner.batch_tickets
        for start in range(0, len(waiting), size):
            self._check_stop()
            made = roll(
                waiting[start : start + size],
                guidance,
                self._backend,
                self._config.sampler.make_grid(),
                domain=self._domain,
                style=self._config.prompt,
                policy=self._config.selection.policy(),
            )
            self._known |= {(texts, one.ticket.ticket_key): one for one in made}
        return [self._known[texts, t.ticket_key] for t in tickets]

    def decided(self, tickets: Sequence[Ticket], guidance: Guidance) -> list[Decided]:
        """Outcomes of tickets, in their order."""
        policy = self._config.selection.policy()
        return [decide(one, guidance, policy) for one in self.rolled(tickets, guidance)]
