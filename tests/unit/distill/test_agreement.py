"""A teacher of another vocabulary, other images or other widths is refused before any step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlcore.distill.agreement import require_agreement
from mlcore.errors import ConfigError
from mlcore.train.config.distill import DistillConfig

CONFIG = DistillConfig.model_validate(
    {
        "teacher": "t",
        "vision": {name: {"weight": 1.0} for name in ("vit", "aligner", "deepstack")},
    }
)
Files = dict[str, dict[str, Any]]
NAMES = ("tokenizer.json", "preprocessor_config.json", "config.json")


@pytest.fixture
def other(tiny_checkpoint: Path, tmp_path: Path) -> Callable[[Callable[[Files], None]], Path]:
    """Makes a copy of the student's checkpoint without weights, changed by a function."""

    def make(change: Callable[[Files], None]) -> Path:
        files = {name: json.loads((tiny_checkpoint / name).read_text()) for name in NAMES}
        change(files)
        for name, value in files.items():
            (tmp_path / name).write_text(json.dumps(value))
        return tmp_path

    return make


def check(student: Path, teacher: Path) -> None:
    require_agreement(CONFIG, student, teacher)


def swap_coords(files: Files) -> None:
    added = {t["content"]: t for t in files["tokenizer.json"]["added_tokens"]}
    a, b = added["<|coord_3|>"], added["<|coord_4|>"]
    a["content"], b["content"] = b["content"], a["content"]


def swap_words(files: Files) -> None:
    words = files["tokenizer.json"]["model"]["vocab"]
    words["a"], words["b"] = words["b"], words["a"]


def one_logit_more(files: Files) -> None:
    files["config.json"]["text_config"]["vocab_size"] += 1


def other_mean(files: Files) -> None:
    files["preprocessor_config.json"]["image_mean"] = [0.4, 0.5, 0.5]


def wider_tower(files: Files) -> None:
    files["config.json"]["vision_config"]["hidden_size"] = 96


def wider_output(files: Files) -> None:
    files["config.json"]["vision_config"]["out_hidden_size"] = 160


def more_deepstack(files: Files) -> None:
    files["config.json"]["vision_config"]["deepstack_visual_indexes"] = [0, 1, 2]


def test_a_teacher_agrees_with_itself(tiny_checkpoint: Path) -> None:
    check(tiny_checkpoint, tiny_checkpoint)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (swap_coords, r"the token <\|coord_3\|> is \d+ for the student and \d+ for the teacher"),
        (swap_words, r"id \d+ is 'a' for the student and 'b' for the teacher"),
        (one_logit_more, r"the number of logits is (\d+) for the student"),
        (other_mean, r": mean is \(0.5, 0.5, 0.5\) .* \(0.4, 0.5, 0.5\)"),
        (wider_tower, r"features of vit .* \[rows, \d+\], the teacher \[rows, 96\]"),
        (wider_output, r"features of aligner .* the teacher \[rows, 160\]"),
        (more_deepstack, r"features of deepstack .* the teacher 3 of \[rows, \d+\]"),
    ],
)
def test_what_differs_is_named(
    tiny_checkpoint: Path,
    other: Callable[[Callable[[Files], None]], Path],
    change: Callable[[Files], None],
    says: str,
) -> None:
    with pytest.raises(ConfigError, match=says):
        check(tiny_checkpoint, other(change))
