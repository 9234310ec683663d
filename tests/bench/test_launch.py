"""From the launch by API to the child's first event in the database, and to the first step."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from console.embedded.state import ROOT
from tests.bench.figures import Figures, median, percentile
from tests.support import stack_configs as configs
from tests.support.stack import LIMIT_S, Client, Stack, running, wait_for

LAUNCHES = 20
TRAININGS = 5
IMPORTS = 5
BASE = ROOT / "mlcore" / "recipes" / "builtin" / "base"
FIRST_EVENT = """
SELECT 1 FROM runs_runevent e JOIN runs_run r ON r.id = e.run_id WHERE r.uid = ? LIMIT 1
"""
FIRST_STEP = """
SELECT 1 FROM runs_metricseries s JOIN runs_run r ON r.id = s.run_id WHERE r.uid = ? LIMIT 1
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running() as started:
        wait_for(lambda: started.client().items("hosts/"), "the worker's hello")
        yield started


def seconds_until(stack: Stack, client: Client, config: str, query: str) -> float:
    """From before the POST until a row that the query finds is committed."""
    database = sqlite3.connect(f"file:{stack.state.root}/db.sqlite3?mode=ro", uri=True)
    began = time.perf_counter()
    uid = client.launch(config)
    while database.execute(query, [uid]).fetchone() is None:
        assert time.perf_counter() - began < LIMIT_S
        time.sleep(0.005)
    took = time.perf_counter() - began
    database.close()
    client.succeeded(uid)
    return took


def test_launch_to_the_first_event(stack: Stack, figures: Figures) -> None:
    client = stack.client()
    seconds_until(stack, client, configs.synth(1, 1), FIRST_EVENT)
    took = [
        seconds_until(stack, client, configs.synth(1, 1, seed=number), FIRST_EVENT)
        for number in range(LAUNCHES)
    ]
    figures("launch to the first event stored, p50", median(took), "s", len(took))
    figures("launch to the first event stored, p95", percentile(took, 95), "s", len(took), "<= 1 s")


def test_launch_to_the_first_training_step(stack: Stack, figures: Figures) -> None:
    client = stack.client()
    synth = client.launch(configs.synth(24, 8))
    client.succeeded(synth)
    config = configs.sft(f"run:{synth}/dataset", steps=2, evaluation=False)
    if BASE.is_dir():
        start = "{type: checkpoint, checkpoint: 'builtin:base'}"
        config = config.replace("{type: scratch}", start)
    seconds_until(stack, client, config, FIRST_STEP)
    imports, steps = [], []
    for _number in range(TRAININGS):
        imports.append(import_time())
        steps.append(seconds_until(stack, client, config, FIRST_STEP))
    figures("import of torch and Qwen3-VL, median", median(imports), "s", len(imports))
    figures("launch to the first step stored, median", median(steps), "s", len(steps))
    ratio = median(steps) / median(imports)
    figures("launch to the first step / import time", ratio, "x", len(steps), "<= 2")


def import_time() -> float:
    """Seconds of a process that imports torch and the model class and ends."""
    code = "import torch; from transformers import Qwen3VLForConditionalGeneration"
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return time.perf_counter() - began
