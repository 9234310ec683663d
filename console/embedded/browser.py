"""Chromium for the browser tests: found, or installed where that is ours to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends", "chromium")
SKIPPED = "the browser tests are skipped and counted"


def find_chromium() -> str | None:
    """Path of a Chromium of this machine, GATEHOUSE_CHROMIUM first; None when there is none."""
    chosen = os.environ.get("GATEHOUSE_CHROMIUM")
    if chosen:
        return chosen if Path(chosen).exists() else None
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def ensure_chromium() -> str:
    """Install Chromium as root on Debian; elsewhere say how. Returns a sentence."""
    found = find_chromium()
    if found:
        return f"Chromium: {found}."
    if not Path("/etc/debian_version").exists() or shutil.which("apt-get") is None:
        return f"Chromium is not installed: {SKIPPED}. Install it with your package manager."
    if os.geteuid() != 0:
        return f"Chromium is not installed: {SKIPPED}. Install it: sudo {' '.join(INSTALL)}"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("apt-get", "update"), INSTALL):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            reason = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
            return f"Chromium could not be installed ({reason[0]}): {SKIPPED}."
    return f"Chromium: {find_chromium()}, installed by apt-get."
