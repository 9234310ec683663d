"""Registering a dataset streams its records: what is seen meanwhile, and after a failure."""
from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.api.problems import ApiProblem
from console.catalog import indexing, queries, services
from console.catalog.models import (
    Dataset,
    DatasetColumn,
    DatasetFacet,
    DatasetGroup,
    DatasetRecord,
    DatasetReject,
    DatasetVersion,
    Output,
)
from console.catalog.outputs import OutputError
from console.catalog.services import index_pending, register_output, resolve_ref
from tests.support.many import upload_many
from tests.support.outputs import FakeRun, Uploaded, make_dataset, upload_folder

pytestmark = pytest.mark.django_db
TABLES = (DatasetRecord, DatasetReject, DatasetGroup, DatasetFacet, DatasetColumn)


@pytest.fixture
def run(project: Any) -> FakeRun:
    return FakeRun("r1", "many", project)


def register(run: FakeRun, up: Uploaded) -> Output:
    return register_output(run, "dataset", "dataset", up.digest, up.files, {})


def nothing_is_left() -> bool:
    return not any(table._default_manager.exists() for table in (*TABLES, Dataset, Output))


def stop_at(monkeypatch: pytest.MonkeyPatch, call: int, error: Exception) -> list[int]:
    """Let the batch with that number fail; returns the list that counts the batches."""
    calls: list[int] = []
    real = indexing._write

    def write(*args: Any) -> None:
        calls.append(len(args[2]))
        if len(calls) == call:
            raise error
        real(*args)

    monkeypatch.setattr(indexing, "BATCH", 10)
    monkeypatch.setattr(indexing, "_write", write)
    return calls


def test_records_are_written_in_batches_each_in_its_own_transaction(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = stop_at(monkeypatch, 0, ValueError())
    register(run, upload_many(35, rejects=12))
    assert calls[:4] == [10, 10, 10, 5]
    assert calls[4:6] == [10, 2]
    assert [row.place for row in DatasetRecord.objects.order_by("place")] == list(range(35))


def test_a_version_is_invisible_until_its_last_row_is_there(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = indexing._write

    def write(*args: Any) -> None:
        real(*args)
        seen.append((DatasetVersion.objects.count(), queries.datasets(run.project).count()))

    monkeypatch.setattr(indexing, "_write", write)
    register(run, upload_many(30))
    assert set(seen) == {(0, 0)}
    assert queries.dataset_version(run.project, "many").ref == "dataset:many@1"


def test_a_failure_half_way_leaves_nothing(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at(monkeypatch, 3, OSError("disk"))
    with pytest.raises(OSError, match="disk"):
        register(run, upload_many(35))
    assert nothing_is_left()


def test_a_failed_second_version_takes_no_number(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(run, upload_many(30))
    with monkeypatch.context() as patch:
        stop_at(patch, 2, OSError("disk"))
        with pytest.raises(OSError, match="disk"):
            register(FakeRun("r2", "many", run.project), upload_many(31))
    register(FakeRun("r3", "many", run.project), upload_many(32))
    assert [v.number for v in DatasetVersion.objects.order_by("number")] == [1, 2]
    assert queries.dataset_version(run.project, "many").n_records == 32


def test_a_second_request_for_the_same_output_waits_for_the_first(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    up = upload_many(30)
    answers = []
    real = indexing._write

    def write(*args: Any) -> None:
        real(*args)
        if not answers:
            with pytest.raises(OutputError) as caught:
                register(run, up)
            answers.append((caught.value.status_code, caught.value.code))

    monkeypatch.setattr(indexing, "_write", write)
    register(run, up)
    assert answers == [(503, "indexing")]
    assert DatasetRecord.objects.count() == 30
    assert Output.objects.count() == 1
    register(run, up)
    assert DatasetRecord.objects.count() == 30


def test_a_dead_writer_is_replaced_and_cannot_go_on(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first writer falls silent, the second begins again; when the first wakes up it stops."""
    up = upload_many(30)
    monkeypatch.setattr(indexing, "BATCH", 10)
    real = indexing._write
    taken = []

    def write(*args: Any) -> None:
        if len(taken) == 0:
            real(*args)
            taken.append("first")
            old = timezone.now() - timedelta(seconds=61)
            DatasetVersion.everything.update(writing_since=old)
            register(run, up)
        else:
            real(*args)

    monkeypatch.setattr(indexing, "_write", write)
    with pytest.raises(OutputError) as caught:
        register(run, up)
    assert caught.value.status_code == 503
    assert [row.place for row in DatasetRecord.objects.order_by("pk")] == list(range(30))
    assert DatasetVersion.objects.get().number == 1


def test_an_image_that_is_not_in_the_tree_is_refused(run: FakeRun, tmp_path: Path) -> None:
    folder = make_dataset(tmp_path / "d")
    (folder / "images" / "val-1.png").unlink()
    with pytest.raises(OutputError, match="val-1") as caught:
        register(run, upload_folder(folder))
    assert caught.value.code == "missing_image"
    assert nothing_is_left()


def test_lost_rows_are_written_again_under_the_same_number(run: FakeRun) -> None:
    up = upload_many(30)
    register(run, up)
    for table in TABLES:
        table._default_manager.all().delete()
    DatasetVersion.everything.update(ready=False, created=timezone.now())
    with pytest.raises(ApiProblem) as caught:
        queries.dataset_version(run.project, "many")
    assert (caught.value.status_code, caught.value.code) == (503, "indexing")
    assert resolve_ref(run.project, "dataset:many@1").digest == up.digest
    assert index_pending() == "dataset:many@1"
    assert queries.dataset_version(run.project, "many").number == 1
    assert DatasetRecord.objects.count() == 30
    assert index_pending() == ""


def test_a_version_whose_blobs_are_gone_does_not_stop_the_others(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(run, upload_many(30))
    register(FakeRun("r2", "other", run.project), upload_many(20))
    DatasetVersion.everything.update(ready=False)
    Output.objects.filter(run_uid="r2").update(files=[])
    done = [index_pending(), index_pending()]
    assert sorted(done) == ["", "dataset:many@1"]


def test_a_dataset_without_a_complete_version_does_not_exist(run: FakeRun) -> None:
    register(run, upload_many(20))
    DatasetVersion.everything.update(ready=False, number=0)
    Dataset.objects.update(latest=0)
    with pytest.raises(Http404):
        queries.dataset_named(run.project, "many")
    assert list(queries.datasets(run.project)) == []


def test_opening_a_version_does_not_read_its_list_of_files_or_its_report(run: FakeRun) -> None:
    register(run, upload_many(20))
    with CaptureQueriesContext(connection, ) as seen:
        queries.dataset_version(run.project, "many")
    sql = seen.captured_queries[0]["sql"]
    assert '"files"' not in sql
    assert '"report"' not in sql


def test_long_lists_of_a_report_become_rows(run: FakeRun) -> None:
    register(run, upload_many(100))
    version = DatasetVersion.objects.get()
    assert version.report["near_duplicates"]["groups"] == 10
    assert version.report["near_duplicates"]["across_splits"] == 2
    groups = list(version.groups.filter(kind="near").order_by("order"))
    assert [g.across_splits for g in groups] == [True] * 2 + [False] * 8
    assert groups[0].images[0]["id"] == "cab-000028"


def test_a_name_that_the_api_uses_is_made_another(run: FakeRun) -> None:
    assert services.name_of(FakeRun("r", "validate", run.project), "dataset") == "validate-dataset"
