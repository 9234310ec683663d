"""What migration writes, byte for byte: files under tests/golden/migrate (UPDATE_GOLDEN=1)."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from mlcore.config.load import load_config
from mlcore.contract.cli import main
from mlcore.contract.validate import validate_file
from mlcore.errors import ConfigError
from mlcore.run.exits import ExitCode
from tests.support.datasets import encoded, picture

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "migrate"


def hold(name: str, text: str) -> None:
    """Hold a text to its golden file."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name} changed; UPDATE_GOLDEN=1 writes it"


def test_older_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(encoded(picture()))
    source = Path(shutil.copy(GOLDEN / "records.old.jsonl", tmp_path / "records.jsonl"))
    out = tmp_path / "new.jsonl"
    arguments = ["migrate", str(source), str(out), "--coord-space", "pixel", "--json"]
    assert main(arguments) == ExitCode.DATA
    hold("records.report.json", capsys.readouterr().out)
    hold("records.new.jsonl", out.read_text(encoding="utf-8"))
    hold("records.rejects.jsonl", (tmp_path / "new.jsonl.rejects.jsonl").read_text("utf-8"))
    result = validate_file(out)
    assert (result.valid, result.rejected) == (4, 0)
    assert json.loads((GOLDEN / "records.report.json").read_text("utf-8"))["kept"] == 4


@pytest.mark.parametrize(("name", "code"), [("dense", ExitCode.OK), ("mixture", ExitCode.DATA)])
def test_older_configs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    code: ExitCode,
) -> None:
    for file in GOLDEN.glob("*.old.yaml"):
        shutil.copy(file, tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text("{}\n" * 1000, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["migrate", f"{name}.old.yaml", f"{name}.yaml"]) == code
    hold(f"{name}.report.txt", capsys.readouterr().out)
    hold(f"{name}.new.yaml", Path(f"{name}.yaml").read_text(encoding="utf-8"))
    assert main(["migrate", f"{name}.old.yaml", f"{name}-2.yaml", "--json"]) == code
    hold(f"{name}.report.json", capsys.readouterr().out)
    if code == ExitCode.OK:
        assert load_config(Path(f"{name}.yaml")).kind == "sft"
    else:
        with pytest.raises(ConfigError) as caught:
            load_config(Path(f"{name}.yaml"))
        report = json.loads((GOLDEN / f"{name}.report.json").read_text(encoding="utf-8"))
        places = {(row["key"], row["line"]) for row in report["fill_in"]}
        assert {(p.path, p.line) for p in caught.value.problems} <= places
