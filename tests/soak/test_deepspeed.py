"""The engines of DeepSpeed in an environment that has it, as GATEHOUSE_DEEPSPEED_ENV names it.

It holds the packages of requirements.txt, requirements-ml.txt and requirements-deepspeed.txt.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = "tests/unit/train/test_zero.py"


def test_the_engines_of_deepspeed_are_right() -> None:
    named = os.environ.get("GATEHOUSE_DEEPSPEED_ENV")
    if named is None:
        pytest.skip("GATEHOUSE_DEEPSPEED_ENV names no environment with DeepSpeed")
    binaries = Path(named) / "bin"
    # The compiler's helper, ninja, is called by name.
    path = os.pathsep.join([str(binaries), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    command = [str(binaries / "python"), "-m", "pytest", TESTS, "-q", "-rs", "--timeout=0"]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0
