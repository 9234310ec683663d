"""Summaries of images in batches beside one by one, with the shipped tiny checkpoint on the CPU."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mlcore.chat.config import MessagesConfig
from mlcore.predict.config import SamplingConfig
from mlcore.run.context import BUILTIN
from mlcore.stage_a.answer import Answer, Job, Task
from mlcore.stage_a.summarise import Summariser
from mlcore.synth.job import encode_jpeg
from mlcore.synth.scene import make_scene
from tests.bench.figures import Figures, median

IMAGES, ROUNDS, BATCH = 64, 3, 8


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Job]]:
    """Scenes of the style that the checkpoint was trained on, so that its answers end."""
    root = tmp_path_factory.mktemp("scenes")
    found = []
    for number in range(IMAGES):
        picture, record = make_scene(99, "a", "val", number)
        (root / f"{number}.jpg").write_bytes(encode_jpeg(picture, 92))
        found.append(Job(number, 0, record.id, f"{number}.jpg"))
    return root, found


def summariser(root: Path, batch: int) -> Summariser:
    task = Task(
        root=root,
        model=BUILTIN / "base",
        adapter=None,
        messages=MessagesConfig(),
        dataset="",
        resize=None,
        sampling=SamplingConfig(),
        seed=0,
        max_new_tokens=192,
        batch_size=batch,
        bucket=256,
        device="cpu",
        dtype="float32",
        threads=1,
    )
    return Summariser(task, lambda code, message: pytest.fail(f"{code}: {message}"))


def asked(one: Summariser, jobs: list[Job]) -> tuple[float, list[Answer]]:
    began = time.monotonic()
    answers = [answer for batch in one.answers(jobs) for answer in batch]
    return time.monotonic() - began, sorted(answers, key=lambda answer: answer.job.group)


def test_batches_of_eight_summarise_three_times_as_fast_as_one_by_one(
    jobs: tuple[Path, list[Job]], figures: Figures
) -> None:
    root, images = jobs
    alone, together = summariser(root, 1), summariser(root, BATCH)
    for one in (alone, together):
        asked(one, images[:BATCH])
    times: dict[str, list[float]] = {"alone": [], "together": []}
    for _ in range(ROUNDS):
        seconds, single = asked(alone, images)
        times["alone"].append(seconds)
        seconds, batched = asked(together, images)
        times["together"].append(seconds)
        assert [answer.text for answer in batched] == [answer.text for answer in single]
    ratio = median(times["alone"]) / median(times["together"])
    tokens = sum(answer.new_tokens for answer in single) / IMAGES
    n = ROUNDS * IMAGES
    figures("stage_a: images/s one by one", IMAGES / median(times["alone"]), "images/s", n)
    figures("stage_a: images/s in batches of 8", IMAGES / median(times["together"]), "images/s", n)
    figures("stage_a: tokens of a summary", tokens, "tokens", IMAGES)
    figures("stage_a: batches of 8 beside one by one", ratio, "x", ROUNDS, ">= 3 x")
    assert ratio >= 3
