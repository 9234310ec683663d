"""What is saved while training, and which of it stays."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from mlcore.config.base import RUNTIME, StrictModel
from mlcore.metrics import METRICS, UndeclaredMetricError, find
from mlcore.near import nearest

_MODES: dict[str, Literal["max", "min"]] = {"higher": "max", "lower": "min"}


class BestConfig(StrictModel):
    """Which checkpoint is the best: judged at every look at held-out images."""

    metric: str = Field(pattern=r"^eval/\S+$")
    """a figure of the looks, `eval/f1_50` for one; `metrics list` names them all"""
    mode: Literal["max", "min"] | None = None
    """whether more of it or less is better, as the metric itself says where it is null; of equals
    the earlier step is"""
    output: Literal["last", "best"] = "last"
    """whose weights the run's model has: those of the last step, or of the best one"""

    @field_validator("metric")
    @classmethod
    def _metric_is_declared(cls, name: str) -> str:
        try:
            find(name)
        except UndeclaredMetricError:
            near = nearest(name, (m.name for m in METRICS if m.name.startswith("eval/")))
            question = f", did you mean {near!r}?" if near else ""
            raise ValueError(f"there is no metric {name!r}{question}") from None
        return name

    @model_validator(mode="after")
    def _mode_is_that_of_the_metric(self) -> Self:
        better = find(self.metric).direction
        if better == "none" and self.mode is None:
            raise ValueError(f"{self.metric} is neither good nor bad by itself: write mode")
        if better != "none" and self.mode not in (None, _MODES[better]):
            raise ValueError(
                f"of {self.metric} {better} is better, and mode {self.mode} would keep the worst; "
                f"write mode: {_MODES[better]} or leave it out"
            )
        return self

    @property
    def more_is_better(self) -> bool:
        """Which way the metric is judged."""
        return (self.mode or _MODES[find(self.metric).direction]) == "max"


class CheckpointConfig(StrictModel):
    """What is saved while training. A run that is asked to stop always saves what it can go on
    from, whatever stands here."""

    removed: ClassVar[dict[str, str]] = {
        "save_steps": "write `every_steps`",
        "save_total_limit": "write `keep`",
        "save_delay_steps": "write `delay_steps`",
        "save_delay_epochs": "write `delay_epochs`",
        "save_only_model": "write `type: weights_only`",
        "metric_for_best_model": "write `best: {metric: ...}`",
        "load_best_model_at_end": "write `output: best` under `best`",
    }

    type: Literal["restartable", "weights_only"] = Field(
        default="restartable", json_schema_extra=RUNTIME
    )
    """restartable ones hold the trained weights, the optimiser and the random state, so that a
    dead run goes on from there; weights_only ones are models, ready for `predict`"""
    every_steps: int = Field(default=200, ge=1, json_schema_extra=RUNTIME)
    """steps between checkpoints"""
    keep: int = Field(default=2, ge=1, json_schema_extra=RUNTIME)
    """newest checkpoints that stay; the best one stays beside them"""
    delay_steps: int | None = Field(default=None, ge=1)
    """no checkpoint before this step, and no figure before it can be the best"""
    delay_epochs: float | None = Field(default=None, gt=0)
    """the same in epochs of the data"""
    save_last: bool = Field(default=True, json_schema_extra=RUNTIME)
    """whether the last step has a checkpoint even if it is not due; the run's model is written
    in any case"""
    best: BestConfig | None = None
    """keeps the best checkpoint; null judges none"""

    @model_validator(mode="after")
    def _one_delay(self) -> Self:
        if self.delay_steps is not None and self.delay_epochs is not None:
            raise ValueError("give delay_steps or delay_epochs, not both")
        return self
