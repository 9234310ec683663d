"""A training on two datasets, from the launch to what is kept of it, on a real console."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlcore.run.hashing import tree_digest, tree_entries
from tests.support import stack_configs as configs
from tests.support.stack import Client, Stack
from tests.support.visits import Walker

STEPS = 4
TRAIN, SECOND_TRAIN = 8, 6
SOURCE_RATIO = 0.5


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    return stack.client()


@pytest.fixture(scope="module")
def synths(client: Client) -> list[str]:
    """Two runs that made different datasets."""
    uids = [
        client.launch(configs.synth(train, 2, seed=seed))
        for train, seed in ((TRAIN, 21), (SECOND_TRAIN, 22))
    ]
    for uid in uids:
        client.succeeded(uid)
    return uids


@pytest.fixture(scope="module")
def mixture(client: Client, synths: list[str]) -> dict[str, Any]:
    """The run that learned from both; the datasets are given beside the config."""
    inputs = {
        path: f"run:{uid}/dataset"
        for path, uid in zip(
            ("data.targets.0.dataset", "data.sources.0.dataset"), synths, strict=True
        )
    }
    return client.succeeded(client.launch(configs.mixture(STEPS, SOURCE_RATIO), inputs))


def test_both_datasets_of_a_mixture_are_fetched_used_and_kept_as_its_origin(
    stack: Stack, client: Client, walker: Walker, synths: list[str], mixture: dict[str, Any]
) -> None:
    uid = mixture["uid"]
    refs = [f"run:{synth}/dataset" for synth in synths]
    assert mixture["attempts"][0]["exit_code"] == 0
    made = [stack.state.host / "runs" / synth / "artifacts" / "dataset" for synth in synths]
    digests = [tree_digest(tree_entries(folder)) for folder in made]
    assert len(set(digests)) == 2
    assert [(row["ref"], row["type"], row["digest"]) for row in mixture["inputs"]] == [
        (ref, "dataset", digest) for ref, digest in zip(refs, digests, strict=True)
    ]

    artifacts = client.items(f"runs/{uid}/artifacts/")
    found = next(a for a in artifacts if a["path"] == "artifacts/fusion-plan.json")
    plan = json.loads(client.send("GET", f"runs/{uid}/artifacts/{found['id']}/").content)
    rows = [(row["name"], row["role"], row["records"], row["quota"]) for row in plan["datasets"]]
    assert rows == [
        ("scenes", "target", TRAIN, TRAIN),
        ("others", "source", SECOND_TRAIN, round(SOURCE_RATIO * TRAIN)),
    ]

    rows = mixture["report"]["datasets"]
    assert [row["name"] for row in rows] == ["scenes", "others"]
    assert all(row["samples"] > 0 for row in rows)
    for name, row in zip(("scenes", "others"), rows, strict=True):
        assert sum(client.points(uid, f"train/samples/{name}")[1]) == row["samples"]
    assert sum(client.points(uid, "augment/applied")[1]) > 0

    status, _place, page = walker.visit("get", f"runs/{uid}/?tab=lineage")
    assert status == 200
    for synth, digest in zip(synths, digests, strict=True):
        assert f"{synth}/dataset" in page
        assert digest[:8] in page
        _status, _place, before = walker.visit("get", f"runs/{synth}/?tab=lineage")
        assert f"/p/demo/runs/{uid}/" in before, "the run that took it is named there"
