"""An adapter on a real console: trained, found in the catalogue, asked, merged, asked again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import stack_configs as configs
from tests.support.stack import Client, Stack
from tests.support.visits import Walker

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    return stack.client()


def answers(stack: Stack, uid: str) -> list[dict[str, Any]]:
    folder = stack.state.host / "runs" / uid / "artifacts" / "predictions"
    text = (folder / "predictions.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def said(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["id"], row["mode"], row["text"], row["token_ids"]) for row in rows]


def test_an_adapter_goes_through_the_catalogue_and_answers_like_its_merged_model(
    stack: Stack, client: Client, walker: Walker
) -> None:
    def done(text: str) -> str:
        uid = client.launch(text)
        client.succeeded(uid)
        return uid

    synth = done(configs.synth(12, 4, seed=31))
    data = f"run:{synth}/dataset"
    base = f"run:{done(configs.sft(data, steps=4, evaluation=False))}/model"
    trained = done(configs.lora(data, base))

    models = {model["name"] for model in client.items("models/")}
    assert "small-adapter-adapter" in models
    (version,) = client.items("models/small-adapter-adapter/versions/")
    assert version["run"] == trained
    assert "adapter_model.safetensors" in {file["path"] for file in version["files"]}
    adapter = version["ref"]
    status, _place, page = walker.visit("get", "models/small-adapter-adapter/")
    assert status == 200
    assert f"kind=merge&amp;adapter={adapter.replace(':', '%3A').replace('@', '%40')}" in page

    merged = done(configs.merge(base, adapter))
    report = client.run(merged)["report"]
    assert report["schema"] == "merge/1" and report["proven"]
    asked = done(configs.predict_adapter(data, base, adapter))
    asked_again = done(configs.predict(data, "model", f"run:{merged}/model"))
    of_base = done(configs.predict(data, "model", base))
    rows, again = answers(stack, asked), answers(stack, asked_again)
    assert len(rows) == 8
    assert said(rows) == said(again)
    for one, other in zip(rows, again, strict=True):
        assert one["logprob"] == pytest.approx(other["logprob"], abs=1e-3)
    assert said(rows) != said(answers(stack, of_base)), "the adapter changed what is said"

    _status, _place, lineage = walker.visit("get", f"runs/{merged}/?tab=lineage")
    assert adapter.removeprefix("model:") in lineage
