"""Policies: the checks that a report must pass, as strict YAML.

    name: demo
    version: 1
    checks:
      - {id: parse_rate, kind: value, metric: reference.parse_rate, comparison: ">=", limit: 0.95,
         min_n: 100, why: ...}
      - {id: gain, kind: delta_to_every_other, metric: f1_50, limit: 0.2, min_n: 100, why: ...}
"""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from mlcore.config.base import StrictModel
from mlcore.config.load import load_model
from mlcore.errors import ConfigError
from mlcore.run.hashing import file_sha256

SHIPPED = Path(__file__).resolve().parent / "policies"
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]
Comparison = Literal[">=", "<=", ">", "<", "=="]


class ValueCheck(StrictModel):
    """One figure of the report against a limit."""

    id: Name
    """name of the check, once per policy"""
    kind: Literal["value"]
    """what sort of check this is"""
    metric: str = Field(min_length=1)
    """dotted path of a figure in the report; `reference` stands for `systems.<reference>`"""
    comparison: Comparison
    """how the value must stand to the limit"""
    limit: float
    """the limit"""
    min_n: int = Field(ge=1)
    """smallest n of the figure that proves anything"""
    why: str = Field(min_length=1)
    """the reason for this check, shown with its result"""


class DeltaCheck(StrictModel):
    """The reference system's figure must exceed that of every other system by at least `limit`."""

    id: Name
    """name of the check, once per policy"""
    kind: Literal["delta_to_every_other"]
    """what sort of check this is"""
    metric: str = Field(min_length=1)
    """dotted path of a figure within a system"""
    limit: float
    """smallest difference, in the figure's own unit"""
    min_n: int = Field(ge=1)
    """smallest n of each of the figures that proves anything"""
    why: str = Field(min_length=1)
    """the reason for this check, shown with its result"""


Check = Annotated[ValueCheck | DeltaCheck, Field(discriminator="kind")]


class Policy(StrictModel):
    """Every check must pass. A policy without checks passes nothing."""

    name: Name
    """name of the policy"""
    version: int = Field(ge=1)
    """raised with every change"""
    checks: list[Check]
    """the checks, in the order in which they are shown"""

    @field_validator("checks")
    @classmethod
    def _ids_are_unique(cls, checks: list[Check]) -> list[Check]:
        ids = [check.id for check in checks]
        repeated = sorted({name for name in ids if ids.count(name) > 1})
        if repeated:
            raise ValueError(f"a check's id may occur once; repeated: {', '.join(repeated)}")
        return checks


def shipped_policies() -> list[str]:
    """Names of the policies that come with the library."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_policy(ref: str, resolve: Callable[[str], Path]) -> tuple[Policy, str]:
    """A policy and the SHA-256 of its file.

    `ref` is the name of a shipped policy, or a path that ends in `.yaml`, found by `resolve`.
    Raises ConfigError for an unknown name and for a file that is not a policy.
    """
    if ref in shipped_policies():
        path = SHIPPED / f"{ref}.yaml"
    elif ref.endswith((".yaml", ".yml")):
        path = resolve(ref)
    else:
        raise ConfigError(
            f"there is no shipped policy {ref!r}",
            hint=f"Shipped: {', '.join(shipped_policies())}. A path must end in .yaml.",
        )
    try:
        return load_model(path, Policy), file_sha256(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the policy {ref} cannot be read: {error}", where=str(path)) from error
