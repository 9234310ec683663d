"""The library from a terminal, as its user types it."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SYNTH = """kind: synth
name: small
style: b
seed: 5
train: 12
val: 6
"""


def mlcore(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlcore", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def synth_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a small synth job."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "synth.yaml").write_text(SYNTH)
    done = mlcore("run", folder / "synth.yaml", "--run-dir", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_a_run_from_a_terminal_leaves_the_run_folder(synth_run: Path) -> None:
    names = {path.name for path in synth_run.iterdir()}
    assert names >= {
        "config", "config.resolved.json", "manifest.json", "events", "artifacts", "outputs.json",
        "report.json",
    }
    dataset = json.loads((synth_run / "artifacts" / "dataset" / "dataset.json").read_text())
    assert dataset["splits"]["train"]["records"] == 12


def test_the_same_seed_gives_the_same_bytes(synth_run: Path, tmp_path: Path) -> None:
    (tmp_path / "synth.yaml").write_text(SYNTH)
    assert mlcore("run", tmp_path / "synth.yaml", "--run-dir", tmp_path / "run").returncode == 0
    digests = [
        json.loads((run / "outputs.json").read_text())["outputs"][0]["digest"]
        for run in (synth_run, tmp_path / "run")
    ]
    assert digests[0] == digests[1]


def test_check_accepts_a_valid_config_and_lists_every_problem_of_a_bad_one(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(SYNTH)
    bad.write_text("kind: synth\nstile: b\nseed: -1\nseed: 2\n")
    assert mlcore("check", good).returncode == 0
    done = mlcore("check", bad)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"{bad}:4:1: seed: duplicate key, first on line 3",
        f"{bad}:2:1: stile: unknown key, did you mean 'style'?",
        f"{bad}:3:1: seed: input should be greater than or equal to 0, got -1",
    ]


def test_kinds_are_listed_with_their_schemas() -> None:
    done = mlcore("kinds", "--json")
    assert done.returncode == 0
    kinds = {kind["name"]: kind for kind in json.loads(done.stdout)}
    assert set(kinds) == {
        *("import", "data_export", "synth", "sft", "merge", "predict", "evaluate", "gate"),
        *("stage_a", "stage_b", "relabel"),
    }  # fmt: skip
    assert kinds["sft"]["schema"]["properties"]["seed"]["type"] == "integer"


def test_config_show_names_where_each_value_comes_from(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(SYNTH)
    (tmp_path / "child.yaml").write_text("extends: base.yaml\nseed: 9\n")
    shown = mlcore("config", "show", tmp_path / "child.yaml").stdout
    assert f"seed: 9  # {tmp_path}/child.yaml:2" in shown
    assert f'style: "b"  # {tmp_path}/base.yaml:3' in shown
    diff = mlcore("config", "diff", tmp_path / "base.yaml", tmp_path / "child.yaml").stdout
    assert diff == f"seed: 5 ({tmp_path}/base.yaml:4) -> 9 ({tmp_path}/child.yaml:2)\n"


def test_data_validate_accepts_what_synth_makes_and_refuses_what_is_broken(
    synth_run: Path, tmp_path: Path
) -> None:
    train = synth_run / "artifacts" / "dataset" / "train.jsonl"
    done = mlcore("data", "validate", train, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["valid"] == 12
    (tmp_path / "bad.jsonl").write_text('{"id": "x"\n')
    done = mlcore("data", "validate", tmp_path / "bad.jsonl", "--json", "--max-reject-share", "0")
    assert done.returncode == 3
    assert json.loads(done.stdout)["problems"][0]["line"] == 1
