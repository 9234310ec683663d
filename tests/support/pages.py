"""Examples of the docs as modules."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def run_file(file: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write an example to a file and import it under the file's name, for one test."""
    file.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, file.stem, module)
    spec.loader.exec_module(module)
