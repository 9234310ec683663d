"""What a config of a mixture may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlcore.fusion.config import SOURCE_OBJECTS, FusionConfig, role_of


def config(**changes: Any) -> FusionConfig:
    base: dict[str, Any] = {
        "type": "fusion",
        "targets": [{"name": "a", "dataset": "dataset:a@1"}],
        "sources": [{"name": "b", "dataset": "dataset:b@1", "ratio": 0.1}],
    }
    return FusionConfig.model_validate({**base, **changes})


def test_targets_are_whole_and_augmented_sources_are_capped_and_plain() -> None:
    target, source = config().members
    assert (role_of(target), target.max_objects, target.augmentation, target.curriculum) == (
        "target", None, True, True,
    )
    assert (role_of(source), source.max_objects, source.augmentation, source.curriculum) == (
        "source", SOURCE_OBJECTS, False, False,
    )


def test_a_mixture_needs_a_target() -> None:
    with pytest.raises(ValidationError, match="at least 1"):
        config(targets=[])


@pytest.mark.parametrize("amount", [{}, {"ratio": 0.1, "quota": 5}])
def test_a_source_has_a_ratio_or_a_quota(amount: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="one of the two"):
        config(sources=[{"name": "b", "dataset": "d", **amount}])


def test_a_target_has_not_both() -> None:
    with pytest.raises(ValidationError, match="not both"):
        config(targets=[{"name": "a", "dataset": "d", "ratio": 1.0, "quota": 5}])


def test_names_are_unique_over_targets_and_sources() -> None:
    with pytest.raises(ValidationError, match="'a' is given to 2 datasets"):
        config(sources=[{"name": "a", "dataset": "d", "ratio": 0.1}])


@pytest.mark.parametrize(
    "wrong",
    [{"ratio": -0.1}, {"quota": -1}, {"max_objects": 0}, {"max_records": 0}, {"summary_share": 1.1},
     {"sampling": "often"}, {"name": "a b"}, {"name": ""}, {"mode": "dense"}],
)
def test_senseless_values_and_unknown_keys_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(targets=[{"name": "a", "dataset": "d", **wrong}])
