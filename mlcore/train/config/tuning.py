"""Which weights learn: all of some parts, or adapters beside frozen weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mlcore.config.base import StrictModel
from mlcore.models.groups import Group

ALL_LINEAR = "all-linear"
_ONE_OF = "say exactly one of first, last and only"


class Layers(StrictModel):
    """Some layers of a stack, counted from 0: `{last: 6}`, `{first: 2}` or `{only: [18, 19]}`."""

    first: int | None = Field(default=None, ge=1)
    """so many layers from the input on"""
    last: int | None = Field(default=None, ge=1)
    """so many layers before the output"""
    only: list[Annotated[int, Field(ge=0)]] | None = Field(default=None, min_length=1)
    """these layers"""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in (self.first, self.last, self.only)) != 1:
            raise ValueError(_ONE_OF)
        return self

    def of(self, count: int) -> frozenset[int]:
        """The chosen indices of a stack of `count` layers. Raises ValueError outside of it."""
        if self.first is not None:
            chosen: Sequence[int] = range(self.first)
        elif self.last is not None:
            chosen = range(count - self.last, count)
        else:
            assert self.only is not None
            chosen = self.only
        outside = [index for index in chosen if not 0 <= index < count]
        if outside:
            raise ValueError(f"there are {count} layers, 0..{count - 1}, and none is {outside[0]}")
        return frozenset(chosen)


class Freezing(StrictModel):
    """Which parts of the model stay as they are."""

    freeze_llm: bool = False
    """the language model with embeddings and head learns nothing"""
    freeze_vit: bool = False
    """the vision tower learns nothing; its mergers are the aligner's"""
    freeze_aligner: bool = False
    """the merger and the deepstack mergers learn nothing"""
    llm_layers: Layers | None = None
    """only these decoder layers of the language model learn; null means all of it"""
    vit_layers: Layers | None = None
    """only these blocks of the vision tower learn; null means all of it"""

    @model_validator(mode="after")
    def _layers_of_what_learns(self) -> Self:
        for group, frozen, layers in (
            ("llm", self.freeze_llm, self.llm_layers),
            ("vit", self.freeze_vit, self.vit_layers),
        ):
            if frozen and layers is not None:
                raise ValueError(f"{group}_layers chooses of a part that freeze_{group} freezes")
        return self

    @property
    def frozen(self) -> frozenset[Group]:
        """The parts that learn nothing."""
        flags: dict[Group, bool] = {
            "llm": self.freeze_llm,
            "vit": self.freeze_vit,
            "aligner": self.freeze_aligner,
        }
        return frozenset(group for group, frozen in flags.items() if frozen)


class FullTuning(Freezing):
    """The weights themselves learn."""

    type: Literal["full"] = "full"
    """how the model is tuned"""

    @model_validator(mode="after")
    def _something_learns(self) -> Self:
        if len(self.frozen) == 3:
            raise ValueError("all three parts are frozen, so nothing can learn")
        return self


class AdapterTuning(Freezing):
    """Adapters learn beside frozen weights, on linear layers of the parts that are not frozen."""

    removed: ClassVar[dict[str, str]] = {
        "target_parameters": "only modules are adapted; write target_modules or target_regex",
        "use_dora": "write `type: lora` and `dora: true`",
        "use_rslora": "write `type: lora` and `rslora: true`",
    }

    freeze_vit: bool = True
    """the vision tower gets no adapters"""
    freeze_aligner: bool = True
    """the merger and the deepstack mergers get no adapters"""
    target_modules: list[str] = Field(default=[ALL_LINEAR])
    """`all-linear`, or ends of module names as in `q_proj`; of the parts that are not frozen. An
    empty list means no adapters, only modules_to_save"""
    target_regex: str | None = Field(default=None, min_length=1)
    """instead of target_modules: an expression that the whole name of a module must match"""
    modules_to_save: list[str] = Field(default=[])
    """modules of which a whole copy learns and is saved, frozen part or not: ends of names as in
    `merger`; a list of modules stands for each of them"""
    bias: Literal["none", "adapted", "all"] = "none"
    """biases that learn: none, those of adapted modules, or all of the parts that are not frozen"""

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> Self:
        if self.target_regex is not None:
            if self.target_modules != [ALL_LINEAR]:
                raise ValueError("say target_regex or target_modules, not both")
            if self.llm_layers or self.vit_layers:
                raise ValueError("target_regex names layers itself, without *_layers")
        nothing = self.target_modules == [] or (self.target_regex is None and len(self.frozen) == 3)
        if nothing and not self.modules_to_save:
            raise ValueError("nothing would learn: there are no targets and no modules_to_save")
        return self


class LowRank(AdapterTuning):
    """What every adapter of low rank has."""

    alpha: int = Field(default=32, ge=1)
    """strength: the update is scaled by alpha / rank"""
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """share of inputs of an adapter that are dropped while learning"""
    coord_offset: bool = False
    """the rows of the coordinate tokens in embeddings and head learn too, as a table of their own
    with the rate optim.offset_lr; one table where head and embeddings are tied, else two"""


class LoraTuning(LowRank):
    """Adapters of a fixed rank (LoRA)."""

    type: Literal["lora"]
    """how the model is tuned"""
    rank: int = Field(default=16, ge=1)
    """rank of an update"""
    dora: bool = False
    """magnitude and direction learn apart (DoRA); slower"""
    rslora: bool = False
    """scale by alpha / sqrt(rank), for high ranks"""


class AdaLoraTuning(LowRank):
    """Adapters that begin with one rank and end with a lower one where it matters least."""

    type: Literal["adalora"]
    """how the model is tuned"""
    rank: int = Field(default=12, ge=2)
    """rank at first"""
    target_rank: int = Field(default=8, ge=1)
    """mean rank in the end"""
    warmup: float = Field(default=0.1, ge=0.0, lt=1.0)
    """share of the steps before ranks fall"""
    settle: float = Field(default=0.3, ge=0.0, lt=1.0)
    """share of the steps at the end in which ranks stay"""
    every_steps: int = Field(default=1, ge=1)
    """steps between two cuts"""
    orthogonality: float = Field(default=0.5, ge=0.0)
    """weight of the term that keeps an update's directions apart"""

    @model_validator(mode="after")
    def _ranks_fall(self) -> Self:
        if self.target_rank >= self.rank:
            raise ValueError(f"target_rank {self.target_rank} is not below rank {self.rank}")
        if self.warmup + self.settle >= 1.0:
            raise ValueError("warmup and settle leave no steps in which ranks fall")
        return self

    def schedule(self, steps: int) -> tuple[int, int]:
        """Steps of warm-up and of settling in a run of `steps`. Raises ValueError if too few."""
        warm, settle = int(self.warmup * steps), int(self.settle * steps)
        # The last cut weighs directions by a step before it.
        if warm >= steps - settle or steps - settle < 2:
            raise ValueError(f"{steps} steps are too few for ranks to fall")
        return warm, settle


class BoftTuning(AdapterTuning):
    """Weights are turned by orthogonal blocks, which keeps angles between neurons (BOFT)."""

    type: Literal["boft"]
    """how the model is tuned"""
    block_size: int = Field(default=4, ge=2)
    """side of a block; it must divide the inputs of every target"""
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """share of blocks that are left out while learning"""


class FourierTuning(AdapterTuning):
    """Updates are a few frequencies of a spectrum (FourierFT)."""

    type: Literal["fourierft"]
    """how the model is tuned"""
    frequencies: int = Field(default=1000, ge=1)
    """coefficients of each target; at most its inputs times its outputs"""
    scaling: float = Field(default=150.0, gt=0)
    """factor of the update"""


Adapters = LoraTuning | AdaLoraTuning | BoftTuning | FourierTuning
Tuning = FullTuning | Adapters
