"""Older keys of distillation become today's section."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlcore.config.load import load_config
from tests.unit.train.old.test_migrate import SMALL, made

GKD = "rlhf: {rlhf_type: gkd, teacher_model: /m/base, beta: 0.1, sft_alpha: 1.0, seq_kd: false"
BY_TARGET = "{enabled: true, vit: {enabled: true, weight: 0.2, distance: cosine}}"
FLAT = "{enabled: true, weight: 0.1, targets: [merger, deepstack], distance: mse}"


def test_distillation_is_carried_whole(tmp_path: Path) -> None:
    text = f"{SMALL}{GKD}, lmbda: 0.0, temperature: 0.9, llm_kd_weight: 0.3}}\n"
    _, data = made(tmp_path, text)
    assert data["distill"] == {
        "teacher": "/m/base",
        "beta": 0.1,
        "sft_alpha": 1.0,
        "seq_kd": False,
        "lmbda": 0.0,
        "llm_kd_weight": 0.3,
        "sampling": {"temperature": 0.9},
    }
    assert load_config(tmp_path / "new.yaml").kind == "sft"


def test_a_default_that_was_another_one_is_written_out(tmp_path: Path) -> None:
    assert made(tmp_path, f"{SMALL}{GKD}}}\n")[1]["distill"]["lmbda"] == 0.5


@pytest.mark.parametrize(
    ("section", "vision"),
    [
        (BY_TARGET, {"vit": {"weight": 0.2, "distance": "cosine"}}),
        (
            FLAT,
            {
                "aligner": {"weight": 0.1, "distance": "mse"},
                "deepstack": {"weight": 0.1, "distance": "mse"},
            },
        ),
    ],
)
def test_vision_features_are_carried_from_both_forms(
    tmp_path: Path, section: str, vision: dict[str, Any]
) -> None:
    custom = SMALL.replace("custom: {", f"custom: {{visual_kd: {section}, ")
    _, data = made(tmp_path, f"{custom}{GKD}}}\n")
    assert data["distill"]["vision"] == vision


def test_reinforcement_learning_is_not_taken_for_distillation(tmp_path: Path) -> None:
    done, data = made(tmp_path, f"{SMALL}rlhf: {{rlhf_type: grpo, beta: 0.1}}\n")
    assert "distill" not in data
    assert {f.status for f in done.fates if f.key.startswith("rlhf")} == {"unsupported"}
