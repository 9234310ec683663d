"""Every check passes a healthy run and says what is wrong with a bad one, with its hint."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlcore.chat.render import Renderer
from mlcore.contract.image_list import ImageEntry, read_image_list
from mlcore.contract.records import Record
from mlcore.models.processor import read_processor
from mlcore.models.stored import Stored
from mlcore.preflight import machine
from mlcore.preflight.checks import (
    checkpoint,
    classes,
    coordinates,
    disk,
    images,
    leakage,
    learning_rate,
    lengths,
    memory,
    round_trip,
    splits,
)
from mlcore.preflight.engine import CHECKS
from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene, spread
from mlcore.train.config import DistillConfig
from mlcore.train.members import Member
from mlcore.train.prepare import Prepared


def with_members(scene: Scene, change: Callable[[Member], Member]) -> Scene:
    """The scene with other records."""
    members = [change(member) for member in scene.data.members]
    return replace(
        scene, prepared=replace(scene.prepared, data=replace(scene.data, members=members))
    )


def with_train(scene: Scene, change: Callable[[Record], Record], copies: int = 1) -> Scene:
    return with_members(
        scene, lambda m: replace(m, train=[change(record) for record in m.train * copies])
    )


def with_config(scene: Scene, **changes: object) -> Scene:
    return replace(scene, config=scene.config.model_copy(update=changes))


@pytest.mark.parametrize(("name", "check"), CHECKS, ids=[name for name, _ in CHECKS])
def test_every_check_passes_a_healthy_run_with_numbers(
    scene: Scene, name: str, check: Callable[[Scene], Result]
) -> None:
    found = check(scene)
    assert (found.id, found.verdict) == (name, "PASS")
    assert found.figures
    assert found.message


def test_a_picture_that_cannot_be_decoded_blocks(scene: Scene, tmp_path: Path) -> None:
    def broken(member: Member) -> Member:
        folder = tmp_path / "copy"
        shutil.copytree(member.dataset.folder, folder, dirs_exist_ok=True)
        victim = folder / member.train[0].images[0]
        victim.write_bytes(victim.read_bytes()[:200])
        return replace(member, dataset=replace(member.dataset, folder=folder))

    found = images.check(with_members(scene, broken))
    assert found.verdict == "BLOCK"
    assert scene.data.members[0].train[0].id in found.message
    assert "relative to the dataset's folder" in found.hint


def test_a_missing_picture_blocks_and_the_hint_tells_what_paths_are_relative_to(
    scene: Scene,
) -> None:
    found = images.check(with_train(scene, lambda r: replace(r, images=("images/none.png",))))
    assert found.verdict == "BLOCK"
    assert "missing" in found.message
    assert "data validate" in found.hint


def scaled(record: Record, factor: float) -> Record:
    objects = tuple(
        replace(o, points=tuple(value * factor for value in o.points)) for o in record.objects
    )
    return replace(record, objects=objects)


def test_bins_taken_for_pixels_of_large_pictures_are_a_warning(scene: Scene) -> None:
    large = with_train(scene, lambda r: replace(scaled(r, 15.0), width=4000, height=3000), copies=5)
    found = coordinates.check(large)
    assert found.verdict == "WARN"
    assert "these are bins" in found.message
    assert "coord_space" in found.hint


def test_fractions_taken_for_pixels_are_a_warning(scene: Scene) -> None:
    found = coordinates.check(with_train(scene, lambda r: scaled(r, 1 / 64), copies=5))
    assert (found.verdict, "fractions" in found.message) == ("WARN", True)


def test_flat_objects_are_counted_and_warned_of(scene: Scene) -> None:
    def flatten(record: Record) -> Record:
        first = replace(record.objects[0], kind="bbox_2d", points=(3.0, 3.0, 3.0, 9.0))
        return replace(record, objects=(first, *record.objects[1:]))

    found = coordinates.check(with_train(scene, flatten))
    assert (found.verdict, found.figures["flat"]) == ("WARN", 12)


def test_samples_over_the_limit_are_counted_with_the_limit_that_would_do(scene: Scene) -> None:
    longest = max(scene.prepared.sifted[0].lengths)
    found = lengths.check(with_config(scene, global_max_length=longest - 1))
    assert (found.verdict, found.figures["over"] >= 1) == ("PASS", True)
    assert found.figures["suggested"] >= longest


def test_a_limit_that_leaves_most_samples_out_is_a_warning(scene: Scene) -> None:
    found = lengths.check(with_config(scene, global_max_length=16))
    assert found.verdict == "WARN"
    assert f"global_max_length: {found.figures['suggested']:.0f}" in found.hint


def test_samples_beyond_the_positions_of_the_model_block(scene: Scene) -> None:
    sifted = [replace(scene.prepared.sifted[0], lengths=(5000,))]
    far = replace(scene, prepared=replace(scene.prepared, sifted=sifted))
    found = lengths.check(with_config(far, global_max_length=6000))
    assert (found.verdict, found.figures["positions"]) == ("BLOCK", 4096)


def test_a_batch_larger_than_the_data_is_a_warning(scene: Scene) -> None:
    found = splits.check(with_config(scene, batch_size=16))
    assert (found.verdict, found.figures["train"]) == ("WARN", 12)


def test_a_nearly_empty_held_out_split_is_a_warning_only_where_it_is_looked_at(
    scene: Scene,
) -> None:
    few = with_members(scene, lambda m: replace(m, val=m.val[:1]))
    looked = scene.config.evaluation.model_copy(update={"images": 8})
    assert splits.check(few).verdict == "PASS"
    assert splits.check(with_config(few, evaluation=looked)).verdict == "WARN"


def test_classes_that_are_scored_and_never_learned_are_a_warning_by_name(scene: Scene) -> None:
    def renamed(record: Record) -> Record:
        objects = tuple(replace(o, desc="类别=风扇") for o in record.objects)
        return replace(record, objects=objects)

    changed = with_members(scene, lambda m: replace(m, val=[renamed(m.val[0]), *m.val[1:]]))
    found = classes.check(changed)
    assert found.verdict == "WARN"
    assert "风扇" in found.message


def test_a_held_out_picture_that_is_learned_from_is_a_warning(scene: Scene) -> None:
    leaking = with_members(scene, lambda m: replace(m, train=[*m.train, m.val[0]]))
    found = leakage.check(leaking)
    assert (found.verdict, found.figures["shared"]) == ("WARN", 1)
    assert "tickets" in found.hint


def test_leakage_is_found_by_content_whatever_the_files_are_called(
    scene: Scene, tmp_path: Path
) -> None:
    member = scene.data.members[0]
    folder = tmp_path / "copy"
    shutil.copytree(member.dataset.folder, folder)
    (folder / "images.jsonl").unlink()
    shutil.copy(folder / member.val[0].images[0], folder / "images/other.png")
    copied = replace(
        member,
        dataset=replace(member.dataset, folder=folder),
        train=[*member.train, replace(member.train[0], images=("images/other.png",))],
    )
    found = leakage.check(with_members(scene, lambda _: copied))
    assert found.figures["shared"] == 1


def test_the_pictures_of_a_dataset_are_listed_once_however_many_there_are(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def listed(folder: Path) -> Iterator[ImageEntry]:
        read.append(folder)
        return read_image_list(folder)

    monkeypatch.setattr(leakage, "read_image_list", listed)
    leakage.check(scene)
    assert read == [scene.data.members[0].dataset.folder]


def test_a_ticket_on_both_sides_is_leakage(scene: Scene) -> None:
    def ticketed(member: Member) -> Member:
        marked = [replace(r, metadata={"ticket": "T1"}) for r in (member.train[0], member.val[0])]
        return replace(
            member, train=[marked[0], *member.train[1:]], val=[marked[1], *member.val[1:]]
        )

    found = leakage.check(with_members(scene, ticketed))
    assert (found.verdict, found.figures["shared_tickets"]) == ("WARN", 1)


def test_a_checkpoint_without_all_of_its_tensors_blocks(scene: Scene) -> None:
    def drop(stored: dict[str, Stored], name: str) -> None:
        del stored[name]

    found, name = checked_with(scene, drop)
    assert (found.verdict, found.figures["missing"]) == ("BLOCK", 1)
    assert name in found.message


def checked_with(scene: Scene, change: Callable[[dict[str, Stored], str], None]) -> Any:
    """The check of a checkpoint whose headers are others, and the tensor that was changed."""
    stored = dict(scene.weights.stored)
    name = next(n for n in stored if n.endswith("q_proj.weight"))
    change(stored, name)
    broken = replace(scene)
    broken.__dict__["weights"] = replace(scene.weights, stored=stored)
    return checkpoint.check(broken), name


def test_a_tensor_of_another_shape_or_of_integers_blocks_and_is_named(scene: Scene) -> None:
    def turn(stored: dict[str, Stored], name: str) -> None:
        stored[name] = stored[name]._replace(shape=(3, 4))

    def quantise(stored: dict[str, Stored], name: str) -> None:
        stored[name] = stored[name]._replace(numbers="I8")

    found, name = checked_with(scene, turn)
    assert found.verdict == "BLOCK"
    assert f"misshapen (1): {name} [3, 4] for [" in found.message
    found, name = checked_with(scene, quantise)
    assert (found.verdict, f"{name} I8" in found.message) == ("BLOCK", True)


def test_a_tensor_that_the_model_has_no_place_for_is_a_warning(scene: Scene) -> None:
    def add(stored: dict[str, Stored], name: str) -> None:
        stored["base_model.lora_A.weight"] = stored[name]

    found, _ = checked_with(scene, add)
    assert (found.verdict, found.figures["unexpected"]) == ("WARN", 1)
    assert "base_model.lora_A.weight" in found.message
    assert "not merged" in found.hint


def test_the_memory_of_a_teacher_is_part_of_a_step(scene: Scene, tiny_checkpoint: Path) -> None:
    plain = memory.step_estimate(scene)
    learns = DistillConfig(teacher=str(tiny_checkpoint))
    beside = replace(with_config(scene, distill=learns), teacher=tiny_checkpoint)
    found = memory.step_estimate(beside)
    assert found.teacher == 4 * scene.weights.parameters
    assert found.total == plain.total + found.teacher + found.lesson
    assert memory.check(beside).figures["teacher"] == found.teacher


def test_a_tokenizer_that_loses_a_prompt_blocks(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor = read_processor(scene.start)
    encode = processor.tokenizer.encode
    monkeypatch.setattr(
        processor.tokenizer, "encode", lambda text, **kw: encode(text.lower()[:-3], **kw)
    )
    monkeypatch.setattr(round_trip, "read_processor", lambda folder: processor)
    found = round_trip.check(scene)
    assert (found.verdict, "comes back as" in found.message) == ("BLOCK", True)


def test_an_answer_that_does_not_come_back_blocks(scene: Scene) -> None:
    """A tokenizer that gives other digits back is what the check is for."""
    feed = scene.prepared.source.feeds[0]
    kit = feed.renderer.kit

    class Forgetful:
        def decode(self, ids: list[int], *, skip_special_tokens: bool) -> str:
            return kit.decode(ids).replace("coord_1", "coord_2")

    forgetful: Any = Forgetful()
    renderer = Renderer(replace(kit, _tokenizer=forgetful), dataset=feed.renderer.dataset)
    source = replace(scene.prepared.source, feeds=[replace(feed, renderer=renderer)])
    found = round_trip.check(replace(scene, prepared=replace(scene.prepared, source=source)))
    assert found.verdict == "BLOCK"
    assert "messages show" in found.hint


def test_a_step_larger_than_the_free_memory_is_a_warning_that_halves_the_micro_batch(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = memory.step_estimate(scene).total
    monkeypatch.setattr(
        memory, "memory_of", lambda device: machine.Memory(free=needed, total=100 * needed)
    )
    found = memory.check(scene)
    assert found.verdict == "WARN"
    assert "Halve micro_batch" in found.hint


def test_weights_that_no_smaller_batch_makes_fit_block(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "memory_of", lambda device: machine.Memory(free=1, total=1000))
    assert memory.check(scene).verdict == "BLOCK"


def test_memory_that_the_system_does_not_tell_is_skipped_and_never_a_pass(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "memory_of", lambda device: None)
    assert memory.check(scene).verdict == "SKIPPED"


def test_a_container_with_less_memory_than_its_host_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 4096 kB\nMemAvailable: 2048 kB\n")
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    assert machine.host_memory() == machine.Memory(2048 * 1024, 4096 * 1024)
    (tmp_path / "memory.max").write_text("1048576\n")
    (tmp_path / "memory.current").write_text("48576\n")
    assert machine.host_memory() == machine.Memory(1000000, 1048576)


@pytest.mark.parametrize(("share", "verdict"), [(0.1, "BLOCK"), (1.5, "WARN"), (50.0, "PASS")])
def test_checkpoints_that_do_not_fit_on_the_disk(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, share: float, verdict: str
) -> None:
    estimate = memory.step_estimate(scene)
    least = estimate.weights + estimate.gradients + estimate.optimiser
    monkeypatch.setattr(disk, "free_disk", lambda folder: int(share * least))
    found = disk.check(scene)
    assert found.verdict == verdict
    assert ("checkpoint.keep" in found.hint) == (verdict != "PASS")


def test_rates_far_from_the_usual_are_a_warning_for_a_large_model(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = with_config(scene, optim=scene.config.optim.model_copy(update={"lr": 0.02}))
    assert learning_rate.check(fast).verdict == "PASS"
    monkeypatch.setattr(learning_rate, "LARGE", 1000)
    found = learning_rate.check(fast)
    assert found.verdict == "WARN"
    assert "5e-5" in found.hint


def test_a_rate_for_a_part_of_which_nothing_trains_is_a_warning(scene: Scene) -> None:
    rated = scene.config.optim.model_copy(update={"offset_lr": 1e-3})
    found = learning_rate.check(with_config(scene, optim=rated))
    assert (found.verdict, "offset_lr" in found.message) == ("WARN", True)


def test_a_warm_up_longer_than_the_run_is_a_warning(scene: Scene) -> None:
    long = scene.config.optim.model_copy(update={"warmup_steps": 500})
    found = learning_rate.check(with_config(scene, optim=long, steps=200))
    assert (found.verdict, "warmup" in found.hint) == ("WARN", True)


def test_a_sample_of_a_sequence_is_spread_over_all_of_it() -> None:
    assert spread(range(100), 4) == [0, 25, 50, 75]
    assert spread([1, 2], 4) == [1, 2]


def test_checks_read_the_same_prepared_data_as_training(scene: Scene) -> None:
    assert isinstance(scene.prepared, Prepared)
    assert scene.data is scene.prepared.data
