"""What migration writes, byte for byte: files under tests/golden/migrate (UPDATE_GOLDEN=1)."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from mlcore.contract.cli import main
from mlcore.contract.validate import validate_file
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
    arguments = ["migrate", str(source), str(out), "--coord-space", "pixel"]
    assert main(arguments) == ExitCode.DATA
    hold("records.report.json", capsys.readouterr().out)
    hold("records.new.jsonl", out.read_text(encoding="utf-8"))
    hold("records.rejects.jsonl", (tmp_path / "new.jsonl.rejects.jsonl").read_text("utf-8"))
    result = validate_file(out)
    assert (result.valid, result.rejected) == (4, 0)
    assert json.loads((GOLDEN / "records.report.json").read_text("utf-8"))["kept"] == 4
