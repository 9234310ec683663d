"""Verdicts of the demo's model on a desk whose wrong labels are known: what the queue finds, and
what rule search does to false releases on tickets that it never looked at.

GATEHOUSE_DEMO_MODEL names the checkpoint that `make demo` taught verdicts (the output `model` of
its second fine-tuning); without it the three recipes are run first. The desk is larger than the
demo's and of another seed, so that hundreds of passed tickets are untouched.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.embedded.state import ROOT
from mlcore.evaluate.statistics import share_figure
from tests.bench.figures import Figures

IMAGES = 6000
DESK = {"seed": 11, "train": 1, "val": 1, "desk": IMAGES, "teaching": None}
SHARES = {"search": {"propose_share": 0.2, "gate_share": 0.2}}


def run(recipe: str, folder: Path, changes: dict[str, Any], binds: dict[str, Path]) -> Path:
    """Run a recipe with changes in a process of its own; its folder of outputs."""
    config = folder.with_suffix(".yaml")
    config.write_text(yaml.safe_dump({"extends": f"recipe:demo/{recipe}", **changes}), "utf-8")
    command = [sys.executable, "-m", "mlcore", "run", str(config), "--run-dir", str(folder)]
    for ref, path in binds.items():
        command += ["--bind", f"{ref}={path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder / "artifacts"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    known = os.environ.get("GATEHOUSE_DEMO_MODEL")
    if known:
        return Path(known)
    root = tmp_path_factory.mktemp("trained")
    made = run("synth.yaml", root / "synth", {}, {})
    data = {"dataset:cabinets-b@1": made / "dataset"}
    tuned = run("sft.yaml", root / "sft", {}, data) / "model"
    data["model:demo-fine-tune@1"] = tuned
    return run("sft-verdicts.yaml", root / "sft-verdicts", {}, data) / "model"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("desk")
    return run("synth.yaml", root / "synth", DESK, {}) / "dataset"


@pytest.fixture(scope="module")
def verdicts(model: Path, desk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("judged")
    weights = {"model:demo-verdict-fine-tune@1": model}
    told = run("stage-a.yaml", root / "a", {}, {"dataset:cabinets-b@1": desk, **weights})
    summaries = {"run:stage-a/summaries": told / "summaries", **weights}
    return run("stage-b.yaml", root / "b", SHARES, summaries) / "verdicts"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines()]


def show(figures: Figures, name: str, hits: int, n: int, target: str = "") -> float:
    """Print a share and the ends of its 95 % interval (Wilson)."""
    figure = share_figure(hits, n)
    low, high = figure["interval"]
    value = float(figure["value"])
    figures(name, value, "share", n, target)
    figures(f"{name}, 95 % from", low, "share", n)
    figures(f"{name}, 95 % to", high, "share", n)
    return value


def test_most_wrong_labels_are_queued_and_most_of_the_queue_is_wrong_labels(
    verdicts: Path, desk: Path, figures: Figures
) -> None:
    tickets = lines(desk / "tickets.jsonl")
    judged = {row["group_id"] for row in lines(verdicts / "selections.jsonl")}
    wrong = {
        row["ticket"]
        for row in tickets
        if row["label"] != row["true_label"] and row["ticket"] in judged
    }
    queue = {row["group_id"] for row in lines(verdicts / "need_review_queue.jsonl")}
    found = len(queue & wrong)
    recall = show(figures, "wrong labels: recall of the queue", found, len(wrong), ">= 0.5")
    precision = show(figures, "wrong labels: precision of the queue", found, len(queue), ">= 0.5")
    times = len(queue) / len(wrong)
    figures("wrong labels: length of the queue", times, "x", len(judged), "<= 2 x their number")
    report = json.loads((verdicts / "report.json").read_text("utf-8"))
    said = report["figures"]["format_rate"]
    figures("verdicts in the two-line format", said["value"], "share", said["n"], ">= 0.95")
    assert recall >= 0.5 and precision >= 0.5 and times <= 2 and said["value"] >= 0.95


def test_rule_search_lowers_false_releases_on_tickets_that_it_never_looked_at(
    verdicts: Path, figures: Figures
) -> None:
    search = json.loads((verdicts / "report.json").read_text("utf-8"))["search"]
    shares = {}
    for word in ("before", "after"):
        part = search["untouched"][word]
        released, n = part["false_release"], part["passed"]
        hits = round(released["value"] * n)
        shares[word] = show(figures, f"false release {word} rule search", hits, n, "n >= 300")
        assert n >= 300
    paired = search["untouched"]["paired"]
    figures("paired exact test of the untouched tickets: p", paired["p"], "", paired["n"])
    figures("rules accepted", search["rules_accepted"], "rules", search["tried"])
    assert shares["after"] < shares["before"]
