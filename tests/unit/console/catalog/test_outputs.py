"""Registering outputs: what is checked, which versions appear, what references mean."""
from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from console.catalog import queries
from console.catalog.choices import input_choices
from console.catalog.models import (
    Dataset,
    DatasetRecord,
    DatasetReject,
    DatasetVersion,
    ModelVersion,
    Output,
)
from console.catalog.outputs import safe_path
from console.catalog.services import (
    OutputError,
    UnresolvedRefError,
    register_output,
    resolve_ref,
)
from tests.support.outputs import FakeRun, Uploaded, make_dataset, upload, upload_folder

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(project: Any) -> FakeRun:
    return FakeRun("r1", "Cabinet set", project)


def register_dataset(run: FakeRun, folder: Path, **sizes: int) -> Output:
    up = upload_folder(make_dataset(folder, **sizes))
    return register_output(run, "dataset", "dataset", up.digest, up.files, {})


def test_a_dataset_becomes_version_1_under_the_runs_name(run: FakeRun, tmp_path: Path) -> None:
    output = register_dataset(run, tmp_path / "d")
    version = DatasetVersion.objects.get()
    assert version.ref == "dataset:Cabinet-set@1"
    assert version.output == output
    assert version.splits == {"train": 3, "val": 2}
    assert (version.n_records, version.n_objects, version.n_rejects) == (5, 4, 1)
    assert {c["name"] for c in version.classes} == {"螺丝", "标签"}
    assert Dataset.objects.get().latest == 1


def test_records_are_indexed_in_file_order_with_their_classes(
    run: FakeRun, tmp_path: Path
) -> None:
    register_dataset(run, tmp_path / "d")
    rows = list(DatasetRecord.objects.order_by("id"))
    assert [row.record_id for row in rows] == ["train-0", "train-1", "train-2", "val-0", "val-1"]
    assert [row.index for row in rows] == [0, 1, 2, 0, 1]
    assert [row.place for row in rows] == [0, 1, 2, 3, 4]
    assert rows[1].objects_json == [{"desc": "类别=标签", "poly": [1, 1, 9, 1, 9, 9, 1, 9]}]
    reject = DatasetReject.objects.get()
    assert (reject.place, reject.code) == ("a.xml:7", "image.missing")


def test_the_same_digest_again_is_the_same_version(run: FakeRun, tmp_path: Path) -> None:
    register_dataset(run, tmp_path / "d")
    again = FakeRun("r2", run.name, run.project)
    register_dataset(again, tmp_path / "d")
    assert DatasetVersion.objects.count() == 1
    assert DatasetRecord.objects.count() == 5
    assert Output.objects.count() == 2


def test_registering_the_same_output_of_a_run_twice_changes_nothing(
    run: FakeRun, tmp_path: Path
) -> None:
    first = register_dataset(run, tmp_path / "d")
    assert register_dataset(run, tmp_path / "d") == first
    assert Output.objects.count() == 1


def test_other_content_is_the_next_version(run: FakeRun, tmp_path: Path) -> None:
    register_dataset(run, tmp_path / "d1")
    register_dataset(FakeRun("r2", run.name, run.project), tmp_path / "d2", n_train=4)
    assert [v.number for v in DatasetVersion.objects.order_by("number")] == [1, 2]
    assert queries.dataset_version(run.project, "Cabinet-set").number == 2


def test_a_model_becomes_a_version_with_its_headline(run: FakeRun) -> None:
    up = upload({"model.safetensors": b"weights", "config.json": b"{}"})
    report = {"headline": {"loss": {"value": 0.5, "unit": "nats", "n": 8}}}
    register_output(run, "model", "model", up.digest, up.files, report)
    version = ModelVersion.objects.get()
    assert (version.ref, version.run_uid) == ("model:Cabinet-set@1", "r1")
    assert version.headline["loss"]["value"] == 0.5
    assert version.output.bytes == 9


def test_an_adapter_becomes_a_version_of_its_own_name_that_a_run_can_take(run: FakeRun) -> None:
    up = upload({"adapter_model.safetensors": b"weights", "adapter_config.json": b"{}"})
    output = register_output(run, "adapter", "adapter", up.digest, up.files, {})
    ref = "model:Cabinet-set-adapter@1"
    found = resolve_ref(run.project, ref)
    assert (found.type, found.digest) == ("adapter", output.digest)
    choices = input_choices(run.project)
    assert [choice.ref for choice in choices["adapter"]] == [ref, output.ref]
    assert choices["model"] == []


def refused(run: FakeRun, up: Uploaded, **changes: Any) -> OutputError:
    values = {**asdict(up), **changes}
    with pytest.raises(OutputError) as caught:
        register_output(run, "out", "predictions", values["digest"], values["files"], None)
    assert Output.objects.count() == 0
    return caught.value


def test_a_blob_that_was_never_uploaded_is_refused(run: FakeRun) -> None:
    up = upload({"a.txt": b"a"})
    files = [{**up.files[0], "sha256": "0" * 64}]
    error = refused(run, up, files=files)
    assert (error.code, error.extra["missing"]) == ("missing_blobs", ["0" * 64])


def test_a_digest_that_is_not_the_trees_is_refused(run: FakeRun) -> None:
    assert refused(run, upload({"a.txt": b"a"}), digest="0" * 64).code == "digest_mismatch"


def test_a_wrong_size_is_refused(run: FakeRun) -> None:
    up = upload({"a.txt": b"a"})
    assert refused(run, up, files=[{**up.files[0], "size": 2}]).code == "file_size"


@pytest.mark.parametrize(
    "path", ["../a", "/etc/passwd", "a/../b", "a\\b", "c:a", "a\x00", "./a", "a//b", "", "a\n"]
)
def test_a_path_that_could_leave_its_folder_is_refused(run: FakeRun, path: str) -> None:
    assert not safe_path(path)
    up = upload({"a.txt": b"a"})
    error = refused(run, up, files=[{**up.files[0], "path": path}])
    assert error.errors[0]["pointer"] == "/files/0/path"


def test_a_dataset_without_a_manifest_is_refused(run: FakeRun) -> None:
    up = upload({"train.jsonl": b""})
    with pytest.raises(OutputError) as caught:
        register_output(run, "dataset", "dataset", up.digest, up.files, {})
    assert caught.value.code == "not_a_dataset"
    assert Dataset.objects.count() == 0


def test_a_dataset_with_a_broken_line_is_refused_with_its_place(
    run: FakeRun, tmp_path: Path
) -> None:
    folder = make_dataset(tmp_path / "d")
    with (folder / "val.jsonl").open("a") as file:
        file.write("{broken\n")
    up = upload_folder(folder)
    with pytest.raises(OutputError, match=r"val: .*:3:"):
        register_output(run, "dataset", "dataset", up.digest, up.files, {})


def test_references_resolve_to_digest_and_files(run: FakeRun, tmp_path: Path) -> None:
    output = register_dataset(run, tmp_path / "d")
    for ref in ("dataset:Cabinet-set@1", "run:r1/dataset"):
        found = resolve_ref(run.project, ref)
        assert (found.ref, found.digest, found.type) == (ref, output.digest, "dataset")
        assert found.files == output.files


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("dataset:Cabinet-set@2", "newest version of Cabinet-set is 1"),
        ("dataset:nothing@1", "no dataset named nothing"),
        ("model:Cabinet-set@1", "no model named"),
        ("run:r1/model", "no such output"),
        ("dataset:Cabinet-set", "write dataset:NAME@VERSION"),
        ("dataset:Cabinet-set@0", "write dataset:NAME@VERSION"),
    ],
)
def test_a_reference_to_nothing_says_what_there_is(
    run: FakeRun, tmp_path: Path, ref: str, message: str
) -> None:
    register_dataset(run, tmp_path / "d")
    with pytest.raises(UnresolvedRefError, match=message) as caught:
        resolve_ref(run.project, ref)
    assert caught.value.ref == ref


def test_a_foreign_projects_outputs_do_not_resolve(
    run: FakeRun, foreign_project: Any, tmp_path: Path
) -> None:
    register_dataset(run, tmp_path / "d")
    for ref in ("dataset:Cabinet-set@1", "run:r1/dataset"):
        with pytest.raises(UnresolvedRefError):
            resolve_ref(foreign_project, ref)
