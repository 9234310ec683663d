"""The config of `stage_b`. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mlcore.config.base import RUNTIME, InputPort, JobConfig, StrictModel
from mlcore.contract.domains import Domain
from mlcore.stage_b.backends.config import BackendConfig
from mlcore.stage_b.prompts import Style
from mlcore.stage_b.reflection.config import ReflectionConfig
from mlcore.stage_b.rollout import Grid
from mlcore.stage_b.search.config import RuleSearchConfig
from mlcore.stage_b.ticket import Decode
from mlcore.stage_b.verdict.select import Policy

SummariesRef = Annotated[str, Field(min_length=1), InputPort("summaries")]
"""`run:UID/summaries`, `records:MISSION@V` with corrected labels, or a path to a folder or file of
Stage-A's records"""
GuidanceRef = Annotated[str, Field(min_length=1), InputPort("guidance")]
"""`guidance:MISSION@V`, `run:UID/guidance`, `builtin:guidance.json`, or a path to a guidance file
or its folder"""


class DecodeConfig(StrictModel):
    """One column of the grid."""

    temperature: float = Field(ge=0.0, le=5.0)
    """0 takes the likeliest token each time"""
    top_p: float = Field(default=0.9, gt=0.0, le=1.0)
    """draw from the likeliest tokens that together have this probability"""
    max_new_tokens: int = Field(default=1024, ge=1, le=16384)
    """longest answer in tokens"""
    repetition_penalty: float = Field(default=1.0, ge=1.0, le=2.0)
    """above 1 makes tokens that were already said less likely"""
    no_repeat_ngram_size: int | None = Field(default=None, ge=1, le=100)
    """no run of that many tokens twice; empty means no such rule"""
    seed: int | None = Field(default=None, ge=0, lt=2**32)
    """seed of this column; empty means the run's"""
    stop: list[str] = Field(default_factory=list, max_length=16)
    """an answer ends before any of these texts"""

    def decode(self) -> Decode:
        """The same for the rollout."""
        return Decode(**{**self.model_dump(), "stop": tuple(self.stop)})


class SamplerConfig(StrictModel):
    """How many candidates a ticket gets, and how they are sampled."""

    grid: list[DecodeConfig] = Field(
        default=[DecodeConfig(temperature=t) for t in (0.1, 0.4, 0.7)], min_length=1, max_length=16
    )
    """columns, asked one after the other"""
    samples_per_decode: int = Field(default=1, ge=1, le=64)
    """candidates of each column"""
    stop_early: bool = False
    """leave a ticket alone once nothing to come can change its vote"""
    max_prompt_tokens: int = Field(default=4096, ge=64, le=262_144)
    """a ticket whose prompt is longer gets no verdict; a prompt is never cut"""

    @model_validator(mode="after")
    def _candidates_can_differ(self) -> Self:
        cold = [d for d in self.grid if d.temperature == 0]
        if cold and self.samples_per_decode > 1:
            raise ValueError(
                "samples_per_decode: at temperature 0 all samples are the same; "
                "set a temperature above 0 or samples_per_decode to 1"
            )
        return self

    def make_grid(self) -> Grid:
        """The same for the rollout."""
        decodes = tuple(d.decode() for d in self.grid)
        return Grid(decodes, self.samples_per_decode, self.stop_early)


class SelectionConfig(StrictModel):
    """What wins, and what is doubtful."""

    min_verdict_agreement: float = Field(default=0.8, ge=0.0, le=1.0)
    """share of the winning verdict below which a person should look"""
    min_valid_share: float = Field(default=0.5, gt=0.0, le=1.0)
    """share of well-formed candidates below which a ticket is malformed"""

    def policy(self) -> Policy:
        """The same for the vote."""
        return Policy(self.min_verdict_agreement, self.min_valid_share)


class RunnerConfig(StrictModel):
    """How tickets are gone through."""

    epochs: int = Field(default=1, ge=1, le=1000)
    """number of epochs: how often every ticket is judged, each time in another order"""
    batch_tickets: int = Field(default=64, ge=1, le=100_000)
    """tickets that are judged before anything is learnt from them"""
    logging_steps: int = Field(default=256, ge=1)
    """tickets of one window of metrics.jsonl"""


class GuidanceConfig(StrictModel):
    """What becomes of the run's own guidance."""

    retention: int = Field(default=20, ge=1, le=10_000)
    """number of snapshots that are kept, one before each of its last steps"""
    fresh: bool = Field(default=False, json_schema_extra=RUNTIME)
    """start from the given guidance although an earlier attempt of this run has its own"""


class DistillConfig(StrictModel):
    """Verdicts as chat data to train on."""

    enabled: bool = True
    """write distill_chatml.jsonl"""
    only_matching: bool = True
    """only verdicts that agree with the label: others would teach mistakes"""


class StageBConfig(JobConfig):
    """Judge the tickets of one mission from their summaries."""

    removed: ClassVar[dict[str, str]] = {
        "stage_a_paths": "Name the summaries as `summaries`.",
        "domain_map": "Set `domain`; one run judges one mission.",
        "manual_review": "Set `selection.min_verdict_agreement`.",
        "per_rank_rollout_batch_size": "Set `backend.batch_size` and `runner.batch_tickets`.",
        "model": "Write it as `backend: {type: model, model: …}`.",
    }

    kind: Literal["stage_b"]
    """the job kind"""
    mission: str = Field(min_length=1, max_length=120)
    """the inspection item that is judged"""
    domain: Domain | None = None
    """the equipment family; empty means that the mission's name says it"""
    summaries: list[SummariesRef] = Field(min_length=1, max_length=64)
    """Stage-A's records of this mission's tickets"""
    guidance: GuidanceRef
    """the guidance that the run begins with"""
    backend: BackendConfig
    """who writes the candidates"""
    prompt: Style = "full"
    """`compact` says the same in few words, for models that know little but summaries"""
    sampler: SamplerConfig = Field(default_factory=SamplerConfig)
    """candidates of a ticket"""
    selection: SelectionConfig = Field(default_factory=SelectionConfig)
    """the vote"""
    runner: RunnerConfig = Field(default_factory=RunnerConfig)
    """order and batches"""
    distill: DistillConfig = Field(default_factory=DistillConfig)
    """chat data from verdicts"""
    search: RuleSearchConfig | None = None
    """search rules before the tickets are judged; empty means that guidance stays as it is"""
    reflection: ReflectionConfig | None = None
    """change rules while the tickets are judged; empty means that guidance stays as it is"""
    learnt: GuidanceConfig = Field(default_factory=GuidanceConfig)
    """the run's own guidance: snapshots, and whether an earlier attempt's is continued"""
    label_suspects: bool = True
    """queue tickets whose label the evidence contradicts; found without a language model"""
    exclude: list[str] = Field(default_factory=list, max_length=100_000)
    """keys of tickets that are left out"""
    limit: int | None = Field(default=None, ge=1, json_schema_extra=RUNTIME)
    """only the first tickets; empty means all"""

    @model_validator(mode="after")
    def _one_way_to_learn(self) -> Self:
        if self.search is not None and self.reflection is not None:
            raise ValueError("search and reflection are two ways to learn; one run takes one")
        return self
