"""The base of every config model, and the markers that its fields carry."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict


class StrictModel(BaseModel):
    """Frozen, refuses unknown keys and implicit conversions; field docstrings are descriptions."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        validate_default=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )
    removed: ClassVar[dict[str, str]] = {}
    """keys that people know from elsewhere and that are refused, each with what to write instead"""


class JobConfig(StrictModel):
    """What every job's config has. Subclasses narrow `kind` to their Literal."""

    removed_anywhere: ClassVar[dict[str, str]] = {}
    """keys of older configs that are refused in every section, each with what to write instead"""

    kind: str
    """the job kind; the first key of every config file"""
    name: str = Field(default="", max_length=120)
    """a label for people; empty means the kind's name"""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """seed of everything random in the run"""
    annotations: dict[str, str] = Field(default_factory=dict)
    """free notes; the one place where unknown keys are welcome"""


class InputPort:
    """Marks a field that names an input of the run; `type` is what it must be.

    With `named_only` a path is no input: it is read where it lies, and neither bound nor hashed as
    a whole.
    """

    def __init__(self, type_: str, *, named_only: bool = False) -> None:
        self.type = type_
        self.named_only = named_only

    def takes(self, value: str) -> bool:
        """Whether a value names an input."""
        return not self.named_only or value.startswith(f"{self.type}:")

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        out: dict[str, Any] = handler(schema)
        out["x-input"] = self.type
        return out


DatasetRef = Annotated[str, Field(min_length=1), InputPort("dataset")]
"""`dataset:NAME@V`, `run:UID/OUTPUT`, `builtin:NAME`, or a path to a dataset folder"""
ModelRef = Annotated[str, Field(min_length=1), InputPort("model")]
"""`model:NAME@V`, `run:UID/OUTPUT`, `builtin:NAME`, or a path to a checkpoint folder"""
AdapterRef = Annotated[str, Field(min_length=1), InputPort("adapter")]
"""`model:NAME@V` of an adapter, `run:UID/adapter`, or a path to an adapter folder"""
PredictionsRef = Annotated[str, Field(min_length=1), InputPort("predictions")]
"""`run:UID/predictions` or a path to a predictions folder"""
EvaluationRef = Annotated[str, Field(min_length=1), InputPort("evaluation")]
"""`run:UID/evaluation` or a path to an evaluation folder"""
VerdictsRef = Annotated[str, Field(min_length=1), InputPort("verdicts")]
"""`run:UID/verdicts` or a path to a folder of verdicts"""
SourceRef = Annotated[str, Field(min_length=1), InputPort("upload", named_only=True)]
"""`upload:NAME@DIGEST`, a path to a folder, or to a zip of one"""

RUNTIME: JsonDict = {"runtime": True}
"""`Field(json_schema_extra=RUNTIME)` marks a key that --set may change: paths, topology, dtype,
limits, debug"""
