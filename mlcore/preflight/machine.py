"""What memory and disk this machine has to give."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Memory:
    """Bytes that are free now, and bytes that there are."""

    free: int
    total: int


def memory_of(device: torch.device) -> Memory | None:
    """The memory that a model on `device` lives in; None where the system does not tell."""
    if device.type == "cuda":
        return Memory(*torch.cuda.mem_get_info(device))
    return host_memory()


def host_memory() -> Memory | None:
    """Main memory, held to the limit of this container (cgroup 2) where there is one."""
    try:
        rows = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines() if ":" in line)
        total, free = (1024 * int(rows[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError, IndexError):
        return None
    limit, used = _number(CGROUP / "memory.max"), _number(CGROUP / "memory.current")
    if limit is not None and limit < total:
        return Memory(min(free, limit - (used or 0)), limit)
    return Memory(free, total)


def free_disk(folder: Path) -> int:
    """Bytes free where `folder` lies."""
    return shutil.disk_usage(folder).free


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
