"""Troubles that show while a run goes on: said once, with what to do. The run survives them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

LOSS = "train/loss"
HISTORY = 20
"""windows whose median a loss is held against"""
LEAST = 10
"""windows before which nothing is a spike"""
SPREADS = 8.0
"""distance of a spike from the median, in median absolute deviations"""
RISE = 1.3
"""a spike is also this many times the median"""
SPIKES = 3
"""spikes that make it a trouble rather than one odd batch"""
WAIT_SHARE = 0.5
"""share of a step's time that samples may be waited for"""
WAITS = 5
"""windows in a row of such waiting"""


@dataclass
class Watch:
    """Looks at the figures that a run tells. `workers` are its `loading.workers`."""

    workers: int
    _losses: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    _spikes: int = 0
    _waits: int = 0
    _said: set[str] = field(default_factory=set)

    def see(self, told: Mapping[str, float]) -> list[tuple[str, str]]:
        """New troubles by code and sentence; each is told once in a run."""
        found = {}
        if LOSS in told and self._spiked(told[LOSS]):
            found["loss_spikes"] = (
                f"the loss jumped {self._spikes} times, now to {told[LOSS]:.3g}: lower optim.lr, "
                "raise batch_size or lengthen the warm-up; the samples of these steps may be bad"
            )
        if self._waited(told):
            more = (
                f"raise loading.workers above {self.workers}"
                if self.workers
                else "set loading.workers, so that samples are made ahead"
            )
            share = told["time/data_s"] / told["time/step_s"]
            found["data_wait"] = f"{share:.0%} of a step is spent waiting for samples: {more}"
        new = {code: said for code, said in found.items() if code not in self._said}
        self._said |= new.keys()
        return list(new.items())

    def _spiked(self, loss: float) -> bool:
        """Whether there were spikes enough. A spike does not become what others are held to."""
        if len(self._losses) >= LEAST:
            middle = median(self._losses)
            spread = median(abs(value - middle) for value in self._losses)
            if loss > max(middle + SPREADS * spread, RISE * middle):
                self._spikes += 1
                return self._spikes >= SPIKES
        self._losses.append(loss)
        return False

    def _waited(self, told: Mapping[str, float]) -> bool:
        data, step = told.get("time/data_s"), told.get("time/step_s")
        if data is None or not step:
            return False
        self._waits = self._waits + 1 if data > WAIT_SHARE * step else 0
        return self._waits >= WAITS
