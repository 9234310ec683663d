"""What the environment tells a worker: the console, its token, the state folder, patience."""
from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
"""the folder that holds the packages; children find mlcore there"""


@dataclass(frozen=True)
class HostSettings:
    """Times in seconds. `state` is the state folder; runs and caches live in `state/host`."""

    url: str
    token: str
    state: Path
    allowed_roots: str
    blob_root: Path | None = None
    program: tuple[str, ...] = (sys.executable, "-m", "mlcore")
    """how the child is started; `run CONFIG ...` follows"""
    grace_s: float = 20.0
    """from SIGTERM to the leader until SIGKILL to the group"""
    offline_limit_s: float = 3600.0
    """how long a child may go on while the console cannot be reached"""
    log_limit: int = 16 << 20
    """bytes of one log file before it is rotated"""
    log_carry_limit: int = 32 << 20
    """bytes of log carried home per attempt; the rest stays on the host"""

    @property
    def host_folder(self) -> Path:
        return self.state / "host"

    @property
    def runs(self) -> Path:
        return self.host_folder / "runs"

    @property
    def cache(self) -> Path:
        return self.host_folder / "cache"

    @property
    def scratch(self) -> Path:
        return self.host_folder / "tmp"


def load_settings(environ: Mapping[str, str] | None = None) -> HostSettings:
    """Settings from the environment.

    Raises SettingsError when GATEHOUSE_URL or GATEHOUSE_HOST_TOKEN is missing. Without
    GATEHOUSE_ALLOWED_ROOTS only the host folder and `data` of the state folder are allowed.
    """
    env = os.environ if environ is None else environ
    for name in ("GATEHOUSE_URL", "GATEHOUSE_HOST_TOKEN"):
        if not env.get(name):
            raise SettingsError(f"{name} is not set: the worker cannot reach the console")
    state = Path(env.get("GATEHOUSE_STATE") or ROOT / "var").resolve()
    blob_root = env.get("GATEHOUSE_BLOB_ROOT")
    return HostSettings(
        url=env["GATEHOUSE_URL"],
        token=env["GATEHOUSE_HOST_TOKEN"],
        state=state,
        allowed_roots=env.get("GATEHOUSE_ALLOWED_ROOTS") or f"{state / 'host'}:{state / 'data'}",
        blob_root=Path(blob_root).resolve() if blob_root else None,
        grace_s=float(env.get("GATEHOUSE_GRACE_S", "20")),
        offline_limit_s=float(env.get("GATEHOUSE_OFFLINE_LIMIT_S", "3600")),
    )
