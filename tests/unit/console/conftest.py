"""Console tests write into a state folder of their own."""
from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_state_folder(state_dir: Path) -> None:
    """Every test starts with an empty blob store."""
