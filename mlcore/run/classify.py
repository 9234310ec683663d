"""Which of our errors an exception of a library is: by its class, its number or its known words."""

from __future__ import annotations

import errno
import re

from mlcore.errors import DataError, GatehouseError, InfrastructureError, OutOfMemoryError

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG)
OUT_OF_MEMORY_HINT = (
    "Halve micro_batch (rows of packing, where there is some): accumulation doubles by itself and "
    "the result stays the same. Or lower global_max_length, or take a device with more memory. "
    "`python -m mlcore preflight CONFIG` estimates what a step needs."
)
_RUST_ERROR = re.compile(r"\(os error (\d+)\)")
_NO_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|out of memory|CUBLAS_STATUS_ALLOC_FAILED", re.I
)
"""how torch says it where it raises a plain RuntimeError: its CPU allocator and CUDA's libraries"""
_TWO_DEVICES = "expected all tensors to be on the same device"


def classified(error: Exception) -> GatehouseError:
    """The error of our family that tells a person most, with its exit code."""
    name = type(error).__name__
    if _no_memory(error):
        return OutOfMemoryError(f"out of memory: {error}", hint=OUT_OF_MEMORY_HINT)
    if _system_errno(error) in DISK:
        return InfrastructureError(f"the disk failed: {error}", hint="Free space on the host.")
    if name == "SafetensorError":
        return DataError(
            f"a weights file is corrupt or half written: {error}",
            hint="Copy the checkpoint anew and compare its size, or take an earlier one.",
        )
    if isinstance(error, UnicodeDecodeError):
        return DataError(f"a file is not UTF-8 text: {error}")
    if isinstance(error, RuntimeError) and _TWO_DEVICES in str(error).lower():
        return GatehouseError(
            f"tensors lie on two devices: {error}",
            hint="A loss or a hook of your own makes tensors on the CPU: make them with "
            "`device=` of what they are added to. The traceback is in the log.",
        )
    return GatehouseError(f"{name}: {error}", hint="This is a bug; the traceback is in the log.")


def _no_memory(error: Exception) -> bool:
    """torch's own class is a RuntimeError, and its CPU allocator raises a plain one."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and bool(_NO_MEMORY.search(str(error)))


def _system_errno(error: Exception) -> int | None:
    """The system's error number. Libraries in Rust (safetensors) have it in their words only."""
    if isinstance(error, OSError):
        return error.errno
    found = _RUST_ERROR.search(str(error))
    return int(found[1]) if found else None
