"""Every command of the README does what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INDENTED = [row.strip() for row in README.splitlines() if row.startswith("    ")]
PYTHON = [row for row in INDENTED if row.startswith("python -m mlcore")]
MAKE = sorted(set(re.findall(r"make [a-z]+(?: [A-Z]+=\d)?", README)))


def test_the_readme_has_both_kinds_of_commands() -> None:
    assert len(PYTHON) >= 4
    assert {"make demo", "make test", "make up", "make doctor"} <= set(MAKE)


def test_the_commands_of_the_library_run_one_after_the_other(tmp_path: Path) -> None:
    for command in PYTHON:
        words = shlex.split(command.replace(" runs/", f" {tmp_path}/"))
        done = subprocess.run(
            [sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"


@pytest.mark.parametrize("command", MAKE)
def test_make_knows_every_target(command: str) -> None:
    done = subprocess.run(
        [*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_doctor_says_in_sentences_what_this_machine_can_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "console.embedded", "doctor"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    rows = [row for row in done.stdout.splitlines() if row]
    assert rows
    assert all(row.split()[0] in ("can", "limited", "cannot") and row.endswith(".") for row in rows)
