"""What a config may say of a teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlcore.config.load import load_text
from mlcore.errors import ConfigError
from tests.support.training import sft_config

TEXT = """\
kind: sft
model: {type: scratch}
data: {dataset: "dataset:small@1"}
distill:
"""


def test_no_teacher_is_the_default(tmp_path: Path) -> None:
    assert sft_config(tmp_path).distill is None


def test_the_least_section_is_forward_only(tmp_path: Path) -> None:
    distill = sft_config(tmp_path, distill={"teacher": "builtin:base"}).distill
    assert distill is not None
    assert (distill.generates, distill.features) == (False, {})
    assert (distill.sft_alpha, distill.llm_kd_weight, distill.beta) == (1.0, 1.0, 0.5)


def test_targets_come_in_the_order_of_a_forward_pass(tmp_path: Path) -> None:
    vision = {"deepstack": {"weight": 2.0, "distance": "cosine"}, "vit": {"weight": 0.5}}
    section = {"teacher": "t", "llm_kd_weight": 0.0, "vision": vision}
    distill = sft_config(tmp_path, distill=section).distill
    assert distill is not None
    assert list(distill.features) == ["vit", "deepstack"]
    assert distill.features["vit"].distance == "mse"


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({}, "teacher"),
        ({"teacher": "t", "llm_kd_weight": 0.0}, "nothing is learned from the teacher"),
        ({"teacher": "t", "vision": {}}, "no target is named"),
        (
            {
                "teacher": "t",
                "llm_kd_weight": 0.0,
                "sft_alpha": 0.0,
                "vision": {"vit": {"weight": 1.0}},
            },
            "no word would be learned",
        ),
        (
            {
                "teacher": "t",
                "llm_kd_weight": 0.0,
                "lmbda": 0.5,
                "vision": {"vit": {"weight": 1.0}},
            },
            "lmbda and seq_kd make answers",
        ),
        ({"teacher": "t", "vision": {"vit": {"weight": 0.0}}}, "greater than 0"),
        ({"teacher": "t", "vision": {"vit": {}}}, "weight"),
        ({"teacher": "t", "vision": {"vit": {"weight": 1.0, "distance": "l1"}}}, "distance"),
        ({"teacher": "t", "beta": 1.5}, "beta"),
        ({"teacher": "t", "lmbda": -0.1}, "lmbda"),
        ({"teacher": "t", "temperature": 0.0}, "temperature"),
        ({"teacher": "t", "sft_alpha": -1.0}, "sft_alpha"),
        ({"teacher": "t", "llm_kd_weight": -1.0}, "llm_kd_weight"),
    ],
)
def test_senseless_sections_are_refused(tmp_path: Path, section: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        sft_config(tmp_path, distill=section)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("  teacher_model: t", "write `teacher`"),
        ("  rlhf_type: gkd", "generalised knowledge distillation"),
        ("  teacher: t\n  vision: {targets: [merger]}", "its own weight"),
        ("  teacher: t\n  vision: {vit: {enabled: true, weight: 1.0}}", "leave it out"),
    ],
)
def test_older_keys_say_what_to_write(line: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(TEXT + line + "\n", "sft.yaml")
    assert says in " ".join(p.message for p in caught.value.problems)
