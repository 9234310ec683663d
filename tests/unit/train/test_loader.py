"""Samples are the same whoever makes them, and a worker's end is never a riddle."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from mlcore.chat.kit import RenderKit
from mlcore.errors import DataError, GatehouseError, InfrastructureError
from mlcore.train import job, loader
from mlcore.train.config import LoadingConfig
from mlcore.train.loader import Loader, SampleError
from mlcore.train.members import load_data
from mlcore.train.order import Draw
from mlcore.train.prepare import Prepared, prepare
from mlcore.train.source import Sample, Source
from tests.support.training import config_of, context, fusion_settings, metrics, sft_config

STEPS = 6


@pytest.fixture(scope="module")
def mixture(
    tmp_path_factory: pytest.TempPathFactory,
    training_set: Path,
    other_set: Path,
    tiny_checkpoint: Path,
) -> Prepared:
    """Two datasets in batches of five, augmented."""
    folder = tmp_path_factory.mktemp("loader") / "run"
    settings = fusion_settings(training_set, other_set, tiny_checkpoint, steps=STEPS, batch_size=5)
    config = config_of(settings)
    data = load_data(config, context(folder))
    return prepare(config, RenderKit.from_folder(tiny_checkpoint), data, folder / "banks")


def opened(mixture: Prepared, workers: int, prefetch: int = 2) -> Loader:
    def draws(step: int) -> Sequence[Draw]:
        return mixture.order.step(step).draws

    config = LoadingConfig(workers=workers, prefetch=prefetch)
    return Loader(mixture.source, draws, config, STEPS)


def all_samples(mixture: Prepared, workers: int, first: int = 0) -> list[Sample]:
    with opened(mixture, workers) as made:
        return [sample for step in range(first, STEPS) for sample in made.samples(step)]


def assert_same(got: list[Sample], expected: list[Sample]) -> None:
    assert [(s.draw, s.counted) for s in got] == [(s.draw, s.counted) for s in expected]
    for one, other in zip(got, expected, strict=True):
        for name in ("input_ids", "labels", "position_ids", "pixel_values", "image_grid_thw"):
            a, b = vars(one.example)[name], vars(other.example)[name]
            assert a.dtype == b.dtype
            assert np.array_equal(a, b), name


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("shared_bytes", [0, loader.SHARED_BYTES], ids=["shared", "piped"])
def test_any_number_of_workers_gives_the_same_samples(
    mixture: Prepared, monkeypatch: pytest.MonkeyPatch, workers: int, shared_bytes: int
) -> None:
    expected = all_samples(mixture, 0)
    monkeypatch.setattr(loader, "SHARED_BYTES", shared_bytes)
    assert_same(all_samples(mixture, workers), expected)


def test_a_resume_begins_in_the_middle(mixture: Prepared) -> None:
    assert_same(all_samples(mixture, 2, first=3), all_samples(mixture, 0)[3 * 5 :])


def test_a_run_with_workers_is_the_same_run(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    for workers in (0, 2):
        loading = {"workers": workers}
        config = sft_config(training_set, tiny_checkpoint, steps=2, loading=loading)
        job.run(config, context(tmp_path / str(workers)))
    name = Path("artifacts/model/model.safetensors")
    assert (tmp_path / "2" / name).read_bytes() == (tmp_path / "0" / name).read_bytes()
    assert metrics(tmp_path / "2")[2]["loss"] == metrics(tmp_path / "0")[2]["loss"]


def spoil(monkeypatch: pytest.MonkeyPatch, how: Callable[[], None]) -> None:
    """From the third step on, making a sample goes wrong."""
    make = Source.sample

    def spoiled(self: Source, draw: Draw, step: int) -> Sample:
        if step >= 2:
            how()
        return make(self, draw, step)

    monkeypatch.setattr(Source, "sample", spoiled)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_worker_raises_reaches_the_run_with_its_record(
    mixture: Prepared, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("no objects")

    spoil(monkeypatch, fail)
    with pytest.raises(SampleError, match="ZeroDivisionError: no objects") as caught:
        all_samples(mixture, workers)
    assert caught.value.where == mixture.source.name(mixture.order.step(2).draws[0])
    assert caught.value.hint


@pytest.mark.parametrize("workers", [0, 2])
def test_our_own_errors_keep_their_kind_and_hint(
    mixture: Prepared, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    def fail() -> None:
        raise DataError("the picture is black", hint="Look at it.")

    spoil(monkeypatch, fail)
    with pytest.raises(DataError, match="is black") as caught:
        all_samples(mixture, workers)
    assert caught.value.hint == "Look at it."
    assert caught.value.where.startswith("scene-")


def test_a_killed_worker_is_infrastructure_and_leaves_no_other(
    mixture: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, lambda: os.kill(os.getpid(), signal.SIGKILL))
    before = psutil.Process().children()
    with pytest.raises(InfrastructureError, match=r"samples of step [123]") as caught:
        all_samples(mixture, 2)
    assert isinstance(caught.value, GatehouseError)
    assert caught.value.where.count("scene-") == 5
    assert psutil.Process().children() == before


def lone_run(mixture: Prepared, pipe: Connection) -> None:
    """A process that loads, tells of its workers and is killed."""
    with opened(mixture, 2) as made:
        made.samples(0)
        pipe.send([child.pid for child in psutil.Process().children()])
        os.kill(os.getpid(), signal.SIGKILL)


def test_no_worker_outlives_a_killed_run(mixture: Prepared) -> None:
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    run = fork.Process(target=lone_run, args=(mixture, there))
    run.start()
    workers = [psutil.Process(pid) for pid in here.recv()]
    run.join()
    assert len(workers) == 2
    assert psutil.wait_procs(workers, timeout=30)[1] == []


def test_workers_go_when_the_loading_ends(mixture: Prepared) -> None:
    before = psutil.Process().children()
    all_samples(mixture, 2)
    assert psutil.Process().children() == before


def test_no_more_is_made_ahead_than_was_asked_for(
    mixture: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Any = multiprocessing.get_context("fork").Value("i", 0)
    sample = Source.sample

    def counted(self: Source, draw: Draw, step: int) -> Sample:
        with made.get_lock():
            made.value += 1
        return sample(self, draw, step)

    monkeypatch.setattr(Source, "sample", counted)
    with opened(mixture, workers=2, prefetch=1) as loading:
        loading.samples(0)
        deadline = time.monotonic() + 20
        while made.value < 10 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)
        assert made.value == 10
