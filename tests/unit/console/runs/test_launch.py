"""Launching: a good request is a queued run, a bad one a list of everything wrong with it."""
from __future__ import annotations

from typing import Any

import pytest
from django.test import TestCase

from console.accounts.models import AuditEntry
from console.api.problems import ApiProblem
from console.catalog.models import Output
from console.runs import launching, services
from console.runs.models import Run
from tests.unit.console.runs.conftest import SYNTH, make_host

PREDICT = "kind: predict\ndataset: {dataset}\nsystem:\n  type: constant\n"
pytestmark = pytest.mark.django_db


def add_output(project: Any, uid: str, name: str, type_: str) -> Output:
    return Output.objects.create(
        project=project, run_uid=uid, name=name, type=type_, digest="a" * 64, files=[]
    )


def errors_of(problem: ApiProblem) -> dict[str, str]:
    return {error["pointer"]: error["detail"] for error in problem.errors}


def test_a_launched_run_is_queued_with_its_whole_config(launch: Any, operator: Any) -> None:
    run = launch(by=operator, tags=["night", "night"], note="first")
    assert (run.state, run.kind, run.name, run.queue) == ("queued", "synth", "cabinets", "cpu")
    assert run.config_resolved["kind"] == "synth" and len(run.config_sha256) == 64
    assert run.tags == ["night"] and run.created_by == operator
    entry = AuditEntry.objects.get(action="run.launch")
    assert entry.object == f"run:{run.uid}" and entry.user == operator


def test_uids_sort_by_time_and_survive_a_clash(launch: Any, monkeypatch: Any) -> None:
    first = launch()
    uids = iter([first.uid, first.uid, "zzzzzzzzzzzz"])
    monkeypatch.setattr(Run._meta.get_field("uid"), "default", lambda: first.uid)
    monkeypatch.setattr(Run._meta.get_field("uid"), "_get_default", lambda: first.uid)
    monkeypatch.setattr(launching, "new_uid", lambda: next(uids))
    assert launch().uid == "zzzzzzzzzzzz"


def test_every_problem_of_a_config_is_named_with_its_line(launch: Any) -> None:
    with pytest.raises(ApiProblem) as caught:
        launch("kind: synth\nnmae: x\nseed: many\n")
    assert caught.value.status_code == 422
    assert {(e["line"], e["path"]) for e in caught.value.errors} == {(2, "nmae"), (3, "seed")}


def test_inputs_are_written_into_the_config_and_resolved(launch: Any, project: Any) -> None:
    output = add_output(project, "abc", "dataset", "dataset")
    run = launch(PREDICT.format(dataset="builtin:none"), inputs={"dataset": "run:abc/dataset"})
    assert "run:abc/dataset" in run.config_text and "builtin:none" not in run.config_text
    assert run.bindings == [{"ref": "run:abc/dataset", "digest": "a" * 64, "output": output.pk}]
    assert {"path": "dataset", "ref": "run:abc/dataset", "type": "dataset", "digest": "a" * 64} in (
        run.inputs
    )


MIXTURE = """\
kind: sft
model: {type: checkpoint, checkpoint: "builtin:base"}
data:
  type: fusion
  targets:
    - {name: a, dataset: "run:one/dataset"}
  sources:
    - {name: b, dataset: "run:two/dataset", ratio: 0.5}
    - {name: c, dataset: "builtin:none", ratio: 0.5}
"""


def test_every_dataset_of_a_mixture_is_bound_and_pinned(launch: Any, project: Any) -> None:
    outputs = [add_output(project, uid, "dataset", "dataset") for uid in ("one", "two", "three")]
    run = launch(MIXTURE, inputs={"data.sources.1.dataset": "run:three/dataset"})
    assert "run:three/dataset" in run.config_text and "builtin:none" not in run.config_text
    assert [(b["ref"], b["output"]) for b in run.bindings] == [
        (f"run:{output.run_uid}/dataset", output.pk) for output in outputs
    ]
    assert [row["path"] for row in run.inputs if row["type"] == "dataset"] == [
        "data.targets.0.dataset", "data.sources.0.dataset", "data.sources.1.dataset",
    ]


def test_a_reference_that_names_nothing_is_refused_at_its_input(launch: Any) -> None:
    with pytest.raises(ApiProblem) as caught:
        launch(PREDICT.format(dataset="x"), inputs={"dataset": "run:gone/dataset"})
    assert "no such output" in errors_of(caught.value)["/inputs/dataset"]


def test_a_reference_of_another_type_is_refused(launch: Any, project: Any) -> None:
    add_output(project, "abc", "model", "model")
    with pytest.raises(ApiProblem) as caught:
        launch(PREDICT.format(dataset="run:abc/model"))
    assert "is a model, where a dataset is needed" in errors_of(caught.value)["/config"]


def test_an_output_of_another_project_does_not_exist(launch: Any, foreign_project: Any) -> None:
    add_output(foreign_project, "abc", "dataset", "dataset")
    with pytest.raises(ApiProblem):
        launch(PREDICT.format(dataset="run:abc/dataset"))


def test_an_input_that_the_kind_does_not_have_is_refused(launch: Any) -> None:
    with pytest.raises(ApiProblem) as caught:
        launch(inputs={"teacher": "run:abc/model"})
    assert list(errors_of(caught.value)) == ["/inputs/teacher"]


def test_a_setting_that_is_no_runtime_key_is_refused_at_its_place(launch: Any) -> None:
    with pytest.raises(ApiProblem) as caught:
        launch(settings={"seed": 3})
    assert list(errors_of(caught.value)) == ["/set/seed"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"queue": "moon"}, "/queue"),
        ({"priority": 10**6}, "/priority"),
        ({"filename": "../etc/passwd"}, "/filename"),
        ({"tags": ["two words"]}, "/tags"),
    ],
)
def test_bad_parts_of_a_request_are_named(launch: Any, changes: Any, pointer: str) -> None:
    with pytest.raises(ApiProblem) as caught:
        launch(**changes)
    assert list(errors_of(caught.value)) == [pointer]


def test_a_kind_that_runs_anywhere_goes_where_a_gpu_worker_is(launch: Any) -> None:
    text = PREDICT.format(dataset="builtin:x")
    assert launch(text).queue == "cpu"
    make_host("gpu-box", queues=["gpu"])
    assert launch(text).queue == "gpu"
    assert launch(text + "device: cpu\n").queue == "cpu"


def test_a_dead_broker_does_not_fail_a_launch(launch: Any, settings: Any, caplog: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    from console import wake

    wake.app.conf.broker_url = settings.REDIS_URL
    with TestCase.captureOnCommitCallbacks(execute=True) as callbacks:
        run = launch()
    assert callbacks
    assert Run.objects.get(pk=run.pk).state == "queued"
    assert "took no wake-up" in caplog.text


def test_a_retry_is_a_new_run_with_the_same_config(launch: Any, operator: Any) -> None:
    run = launch()
    services.cancel(services_actor(operator), run)
    again = services.retry(services_actor(operator), Run.objects.get(pk=run.pk))
    assert again.uid != run.uid and again.parent == run and again.parent_relation == "retry"
    assert again.config_sha256 == run.config_sha256


def test_a_live_run_is_not_retried(launch: Any, operator: Any) -> None:
    with pytest.raises(services.StateConflictError):
        services.retry(services_actor(operator), launch())


def test_a_clone_takes_edits(launch: Any, operator: Any) -> None:
    run = launch()
    request = services.request_of(run, text=SYNTH + "seed: 7\n", name="other")
    made = services.clone(services_actor(operator), run, request)
    assert made.config_resolved["seed"] == 7 and made.name == "other"
    assert made.parent == run and made.parent_relation == "clone"


def services_actor(user: Any) -> Any:
    from console.accounts.audit import Actor

    return Actor.of_user(user)
