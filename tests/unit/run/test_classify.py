"""What a library's exception becomes: its exit code and what a person can do."""

from __future__ import annotations

import errno

import pytest
import torch
from safetensors import SafetensorError

from mlcore.run.classify import classified
from mlcore.run.exits import ExitCode


def cpu_refusal() -> RuntimeError:
    """What torch raises where the host has no memory for a tensor."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("no"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    ],
)  # fmt: skip
def test_every_way_of_having_no_memory_is_out_of_memory_and_says_to_halve(
    error: Exception,
) -> None:
    found = classified(error)
    assert found.exit_code == ExitCode.OOM
    assert "Halve micro_batch" in found.hint
    assert "global_max_length" in found.hint


def test_torch_on_this_host_says_it_in_words_that_are_known() -> None:
    assert classified(cpu_refusal()).exit_code == ExitCode.OOM


def test_a_full_disk_is_the_hosts_fault_also_where_rust_says_it() -> None:
    for error in (OSError(errno.ENOSPC, "full"), RuntimeError("no space (os error 28)")):
        assert classified(error).exit_code == ExitCode.INFRA


def test_a_corrupt_weights_file_is_bad_data() -> None:
    found = classified(SafetensorError("Error while deserializing header: InvalidHeaderLength"))
    assert found.exit_code == ExitCode.DATA
    assert "half written" in found.message


def test_tensors_on_two_devices_say_where_to_look() -> None:
    words = "Expected all tensors to be on the same device, but found at least two devices"
    found = classified(RuntimeError(words))
    assert found.exit_code == ExitCode.BUG
    assert "device=" in found.hint


def test_anything_else_is_a_bug_with_its_class() -> None:
    found = classified(ValueError("odd"))
    assert (found.exit_code, found.message) == (ExitCode.BUG, "ValueError: odd")
