"""When a checkpoint is written, which is the best, and what damage does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlcore.errors import DataError
from mlcore.run.events import EventWriter, read_events
from mlcore.train.config import CheckpointConfig
from mlcore.train.config.checkpoint import BestConfig
from mlcore.train.saving import Saving, damage, digests, newest_good

BEST: dict[str, Any] = {"best": {"metric": "eval/f1_50", "mode": "max"}}


def saving(steps: int = 100, **settings: Any) -> Saving:
    return Saving(CheckpointConfig.model_validate({"every_steps": 10, **settings}), steps)


def due(policy: Saving, steps: int = 100, per_epoch: int = 20) -> list[int]:
    return [done for done in range(1, steps + 1) if policy.due(done, done / per_epoch)]


@pytest.fixture
def events(tmp_path: Path) -> EventWriter:
    return EventWriter(tmp_path / "events.jsonl")


def warned(events: EventWriter) -> list[tuple[str, str]]:
    return [(e["code"], e["message"]) for e in read_events(events.path) if e["type"] == "warning"]


def test_checkpoints_come_at_their_interval_and_after_the_last_step() -> None:
    assert due(saving(steps=25), 25) == [10, 20, 25]
    assert due(saving(steps=25, save_last=False), 25) == [10, 20]


def test_a_delay_in_steps_holds_the_first_ones_back() -> None:
    assert due(saving(delay_steps=40))[:2] == [40, 50]
    assert due(saving(delay_steps=45))[:2] == [50, 60]


def test_a_delay_in_epochs_holds_the_first_ones_back() -> None:
    assert due(saving(delay_epochs=2.5))[:2] == [50, 60]


def test_the_last_step_is_saved_even_within_the_delay() -> None:
    assert due(saving(steps=30, delay_steps=99), 30) == [30]


def test_there_is_one_delay() -> None:
    with pytest.raises(ValidationError, match="not both"):
        saving(delay_steps=1, delay_epochs=1.0)


def judged(policy: Saving, events: EventWriter, *values: float) -> list[bool]:
    return [
        policy.judge(step, step / 10, {"eval/f1_50": value}, events)
        for step, value in enumerate(values, start=1)
    ]


def test_a_look_that_is_better_than_all_before_is_the_best(events: EventWriter) -> None:
    policy = saving(**BEST)
    assert judged(policy, events, 0.2, 0.4, 0.3, 0.5) == [True, True, False, True]
    assert policy.best is not None
    assert (policy.best.step, policy.best.value) == (4, 0.5)


def test_less_can_be_better(events: EventWriter) -> None:
    policy = saving(best={"metric": "eval/loss"})
    found = [policy.judge(n, 0.1, {"eval/loss": v}, events) for n, v in enumerate((0.4, 0.5, 0.3))]
    assert found == [True, False, True]


@pytest.mark.parametrize(
    ("best", "said"),
    [
        ({"metric": "eval/f150"}, "did you mean 'eval/f1_50'"),
        ({"metric": "eval/sft_los"}, "did you mean 'eval/sft_loss'"),
        ({"metric": "eval/f1_50", "mode": "min"}, "write mode: max"),
        ({"metric": "eval/loss", "mode": "max"}, "write mode: min"),
    ],
)
def test_a_metric_that_is_none_or_judged_the_wrong_way_is_refused(
    best: dict[str, str], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        saving(best=best)


def test_which_way_is_better_is_known_of_the_metric() -> None:
    for name, more in (("eval/f1_50", True), ("eval/loss", False), ("eval/f1_50/side", True)):
        assert BestConfig(metric=name).more_is_better is more


def test_of_equals_the_earlier_is_the_best(events: EventWriter) -> None:
    policy = saving(**BEST)
    judged(policy, events, 0.4, 0.4)
    assert policy.best is not None
    assert policy.best.step == 1


def test_no_figure_within_the_delay_is_the_best(events: EventWriter) -> None:
    policy = saving(delay_steps=3, **BEST)
    assert judged(policy, events, 0.9, 0.8, 0.1, 0.2) == [False, False, True, True]


def test_a_figure_that_is_no_number_or_not_there_is_told_once_and_judges_nothing(
    events: EventWriter,
) -> None:
    policy = saving(**BEST)
    assert judged(policy, events, float("nan"), float("nan"), 0.1) == [False, False, True]
    assert not policy.judge(9, 0.9, {"eval/other": 1.0}, events)
    assert [code for code, _ in warned(events)] == ["best_metric"]


def test_without_a_look_there_is_nothing_to_judge(events: EventWriter) -> None:
    assert not saving(**BEST).judge(1, 0.1, {}, events)
    assert not saving().judge(1, 0.1, {"eval/f1_50": 1.0}, events)
    assert warned(events) == []


def written(folder: Path, step: int, type_: str = "restartable") -> Path:
    """A complete checkpoint of two small files."""
    path = folder / f"step-{step}"
    path.mkdir(parents=True)
    for name in ("model.safetensors", "optim.safetensors"):
        (path / name).write_bytes(f"{name} of {step}".encode())
    (path / "state.json").write_text(json.dumps({"type": type_, "files": digests(path)}))
    (path / "READY").touch()
    return path


def cut(path: Path) -> None:
    (path / "optim.safetensors").write_bytes(b"opt")


def flip(path: Path) -> None:
    data = bytearray((path / "model.safetensors").read_bytes())
    data[3] ^= 1
    (path / "model.safetensors").write_bytes(bytes(data))


def lose(path: Path) -> None:
    (path / "model.safetensors").unlink()


def garble(path: Path) -> None:
    (path / "state.json").write_text('{"type": "resta')


@pytest.mark.parametrize(
    ("spoil", "file"),
    [
        (cut, "optim.safetensors is not what was written"),
        (flip, "model.safetensors is not what was written"),
        (lose, "model.safetensors is missing"),
        (garble, "state.json cannot be read"),
    ],
    ids=["cut short", "a bit flipped", "lost", "garbled state"],
)
def test_a_damaged_checkpoint_is_passed_over_and_its_file_named(
    tmp_path: Path, events: EventWriter, spoil: Callable[[Path], None], file: str
) -> None:
    good, bad = written(tmp_path, 9), written(tmp_path, 10)
    spoil(bad)
    assert newest_good(tmp_path, events) == good
    ((code, message),) = warned(events)
    assert code == "checkpoint_damaged"
    assert message.startswith("step-10 is damaged")
    assert file in message


def test_half_written_checkpoints_are_passed_over_and_named(
    tmp_path: Path, events: EventWriter
) -> None:
    good = written(tmp_path, 9)
    (written(tmp_path, 10) / "READY").unlink()
    (tmp_path / ".step-11.tmp").mkdir()
    assert newest_good(tmp_path, events) == good
    assert [message.partition(" ")[0] for _, message in warned(events)] == ["step-10", "step-11"]


def test_a_run_whose_checkpoints_are_all_damaged_does_not_start_anew(
    tmp_path: Path, events: EventWriter
) -> None:
    for step in (9, 10):
        cut(written(tmp_path, step))
    with pytest.raises(DataError, match=r"step-10/optim\.safetensors .*; step-9/optim"):
        newest_good(tmp_path, events)


def test_weights_alone_are_nothing_to_go_on_from(tmp_path: Path, events: EventWriter) -> None:
    good = written(tmp_path, 8)
    written(tmp_path, 9, "weights_only")
    assert newest_good(tmp_path, events) == good
    cut(written(tmp_path / "other", 9, "weights_only"))
    only = tmp_path / "third"
    written(only, 9, "weights_only")
    assert newest_good(only, events) is None
    assert [code for code, _ in warned(events)] == ["not_resumable"]


def test_a_run_without_checkpoints_starts_at_the_beginning_and_says_nothing(
    tmp_path: Path, events: EventWriter
) -> None:
    assert newest_good(tmp_path, events) is None
    assert warned(events) == []


def test_an_older_checkpoint_has_no_digests_and_is_taken(tmp_path: Path) -> None:
    path = written(tmp_path, 1)
    (path / "state.json").write_text('{"schema": "checkpoint/1"}')
    assert damage(path) == ""
