"""Fine-tuning with a teacher, as a job: what it tells, what it refuses, and that it resumes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mlcore
from mlcore.config.load import load_config
from mlcore.errors import ConfigError, InterruptedRunError
from mlcore.models.config import TinyRecipe
from mlcore.models.tiny import build_tiny
from mlcore.train import job
from tests.support.training import (
    StopAfter,
    config_of,
    context,
    metrics,
    one_dataset,
    sft_config,
)

RECIPES = Path(mlcore.__file__).parent / "recipes" / "distill"
WEIGHTS = "artifacts/model/model.safetensors"
VISION = {"vit": {"weight": 0.5}, "aligner": {"weight": 0.5, "distance": "cosine"}}
WORDS = {"loss", "sft_loss", "llm_kd_loss"}
EYES = {"vision_kd_loss", "vision_kd_loss_vit", "vision_kd_loss_aligner"}
Told = dict[int, dict[str, float]]


def kd_parts(values: dict[str, float], head: str = "") -> set[str]:
    names = {name.removeprefix(head) for name in values if name.startswith(head)}
    return {name for name in names if name == "sft_loss" or name.startswith(("llm_", "vision_"))}


def run(folder: Path, dataset: Path, model: Path, teacher: Path, **section: Any) -> Told:
    distill = {"teacher": str(teacher), "max_completion_length": 8, **section}
    steps = {"steps": 2, "data": one_dataset(dataset, summary_share=0.5)}
    job.run(sft_config(dataset, model, distill=distill, **steps), context(folder))
    return metrics(folder)


@pytest.fixture(scope="module")
def other_teacher(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    """The student's checkpoint with other weights."""
    import torch

    from mlcore.models.load import load_processor, load_untrained, save_checkpoint

    folder = tmp_path_factory.mktemp("teacher") / "other"
    model = load_untrained(tiny_checkpoint, 9, torch.float32)
    save_checkpoint(model, load_processor(tiny_checkpoint), folder)
    return folder


@pytest.mark.parametrize(
    ("section", "parts"),
    [
        pytest.param({}, {"sft_loss", "llm_kd_loss"}, id="forward-only"),
        pytest.param({"lmbda": 1.0, "sft_alpha": 0.0}, {"llm_kd_loss"}, id="on-policy alone"),
        pytest.param(
            {"seq_kd": True, "vision": VISION}, {"sft_loss", "llm_kd_loss", *EYES}, id="everything"
        ),
        pytest.param({"llm_kd_weight": 0.0, "vision": VISION}, {"sft_loss", *EYES}, id="visual"),
    ],
)
def test_each_part_of_the_loss_is_told_and_a_part_without_weight_is_absent(
    tmp_path: Path,
    training_set: Path,
    tiny_checkpoint: Path,
    other_teacher: Path,
    section: dict[str, Any],
    parts: set[str],
) -> None:
    told = run(tmp_path / "run", training_set, tiny_checkpoint, other_teacher, **section)
    for values in told.values():
        assert kd_parts(values) == parts
        whole = sum(values[name] for name in parts if not name.startswith("vision_kd_loss_"))
        assert values["loss"] == pytest.approx(whole)
        assert all(values[name] > 0 for name in parts)
        assert ("made_tokens" in values) == ("lmbda" in section or "seq_kd" in section)
    assert kd_parts(told[2], "eval/") == parts
    assert told[2]["eval/loss"] > 0


def test_a_teacher_that_is_the_student_begins_without_a_difference(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    told = run(tmp_path / "run", training_set, tiny_checkpoint, tiny_checkpoint, vision=VISION)
    assert told[1]["llm_kd_loss"] == pytest.approx(0.0, abs=1e-6)
    assert told[1]["vision_kd_loss"] == pytest.approx(0.0, abs=1e-6)
    assert told[2]["llm_kd_loss"] > 1e-6


def test_a_teacher_of_another_vocabulary_stops_the_run_before_any_step(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    build_tiny(tmp_path / "stranger", TinyRecipe(merges_vocab=400), ["other words"] * 9)
    with pytest.raises(ConfigError, match="different vocabularies"):
        run(tmp_path / "run", training_set, tiny_checkpoint, tmp_path / "stranger")


def test_a_stopped_run_goes_on_bit_for_bit_and_only_with_the_same_teacher(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path, other_teacher: Path
) -> None:
    section = {"lmbda": 0.5, "seq_kd": True, "vision": VISION, "max_completion_length": 8}

    def config(teacher: Path = other_teacher, **changes: Any) -> Any:
        distill = {"teacher": str(teacher), **section, **changes}
        return sft_config(training_set, tiny_checkpoint, distill=distill)

    job.run(config(), context(tmp_path / "whole"))
    with pytest.raises(InterruptedRunError, match="after step 2 of 4"):
        job.run(config(), context(tmp_path / "parts", StopAfter(2)))
    for other in (config(tiny_checkpoint), config(beta=0.4)):
        with pytest.raises(ConfigError, match="another teacher"):
            job.run(other, context(tmp_path / "parts", attempt=2))
    job.run(config(), context(tmp_path / "parts", attempt=3))
    assert (tmp_path / "parts" / WEIGHTS).read_bytes() == (
        tmp_path / "whole" / WEIGHTS
    ).read_bytes()
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")


@pytest.mark.parametrize(
    ("recipe", "parts"),
    [
        ("forward-only", {"sft_loss", "llm_kd_loss"}),
        ("gkd", {"sft_loss", "llm_kd_loss"}),
        ("visual", {"sft_loss", *EYES, "vision_kd_loss_deepstack"}),
    ],
)
def test_a_shipped_recipe_does_two_steps(
    tmp_path: Path, training_set: Path, recipe: str, parts: set[str]
) -> None:
    settings = load_config(RECIPES / f"{recipe}.yaml").resolved
    settings["data"]["dataset"] = str(training_set)
    small = {"steps": 2, "batch_size": 2, "evaluation": {"images": 0, "loss_images": 2}}
    job.run(config_of({**settings, **small, "log_every": 1}), context(tmp_path / "run"))
    told = metrics(tmp_path / "run")
    assert [kd_parts(values) for values in told.values()] == [parts, parts]
    assert kd_parts(told[2], "eval/") == parts
