"""What a teacher costs: steps with and without one, taking turns, by processor time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mlcore.chat.answers import tokenizer_texts
from mlcore.chat.collate import pad_right
from mlcore.chat.config import MessagesConfig
from mlcore.chat.kit import RenderKit
from mlcore.chat.render import Renderer
from mlcore.distill.lessons import Lessons, Taught, Untaught
from mlcore.distill.step import DistillStep
from mlcore.distill.teacher import Teacher
from mlcore.losses.terms import Counts, Objective
from mlcore.models.config import TinyRecipe
from mlcore.models.load import load_model, load_processor
from mlcore.models.tiny import build_tiny
from mlcore.train.config import CoordLossConfig, DistillConfig
from mlcore.train.step import SftStep
from tests.bench.figures import Figures, median
from tests.support.scenes import make_image, make_record

BATCH = 16
TURNS = 12
VISION = {name: {"weight": 0.1} for name in ("vit", "aligner", "deepstack")}
WIDE: dict[str, Any] = {
    "text": {
        "hidden_size": 384,
        "layers": 6,
        "heads": 6,
        "kv_heads": 2,
        "head_dim": 64,
        "intermediate_size": 1152,
        "mrope_section": (12, 10, 10),
    },
    "vision": {"hidden_size": 256, "depth": 6, "heads": 4, "intermediate_size": 768},
}
"""about 20 million weights"""


def learner(folder: Path, section: dict[str, Any] | None) -> Callable[[int], None]:
    """One whole step on batch number n: render, teacher, forward, backward, update."""
    renderer = Renderer(RenderKit.from_folder(folder))
    model = load_model(folder)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    step: SftStep
    if section is None:
        step = SftStep(model, list(renderer.coord_ids), Objective(CoordLossConfig()))
    else:
        config = DistillConfig.model_validate({"teacher": "t", **section})
        objective = Objective(CoordLossConfig(), config.sft_alpha)
        teacher = Teacher(load_model(folder), load_processor(folder))
        step = DistillStep(model, list(renderer.coord_ids), objective, config, teacher)

    def learn(number: int) -> None:
        examples = [
            renderer.training_example(make_record(n), None, "dense", image=make_image(n))
            for n in range(number * BATCH, (number + 1) * BATCH)
        ]
        batch = pad_right(examples, renderer.ids.pad)
        text, coord = step.counts(batch).sum(0).tolist()
        lessons: Taught = Untaught()
        if isinstance(step, DistillStep):
            lessons = Lessons(step.config, step.teacher, renderer.kit.patcher.merge_size)
            lessons.note(batch)
        out = step(batch, Counts(text, coord), 3.0, *lessons.study(0, batch))
        out.loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return learn


def spent(learn: Callable[[int], None], number: int) -> float:
    """Processor seconds of one step."""
    began = time.process_time()
    learn(number)
    return time.process_time() - began


@pytest.mark.parametrize("size", ["1 M", "20 M"])
def test_a_teacher_of_the_student_s_size(figures: Figures, tmp_path: Path, size: str) -> None:
    torch.set_num_threads(1)
    folder = tmp_path / "start"
    build_tiny(folder, TinyRecipe.model_validate(WIDE if size == "20 M" else {}), _texts())
    ways = {
        "without": learner(folder, None),
        "words": learner(folder, {}),
        "words and eyes": learner(folder, {"vision": VISION}),
        "eyes": learner(folder, {"llm_kd_weight": 0.0, "vision": VISION}),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(TURNS + 2):
        for name, learn in ways.items():
            seconds = spent(learn, number % 4)
            if number >= 2:
                times[name].append(seconds)
    plain = times.pop("without")
    figures(f"a step of {size} without a teacher", median(plain) * 1e3, "ms", TURNS)
    for name, taken in times.items():
        ratios = [mine / base for mine, base in zip(taken, plain, strict=True)]
        target = "<= 1.5 x" if name == "words" else ""
        figures(f"a step of {size} with a teacher's {name}", median(ratios), "x", TURNS, target)


def _texts() -> list[str]:
    return list(tokenizer_texts([make_record(n) for n in range(40)], MessagesConfig()))
