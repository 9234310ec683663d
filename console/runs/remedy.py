"""What a person can change after a run died for want of memory, as an edited config."""

from __future__ import annotations

from dataclasses import dataclass

from console.catalog.configs import DiffRow, diff_rows
from console.runs.models import Run
from console.runs.states import Reason, State
from console.web.yaml_edit import UnreadableTextError, with_value


@dataclass(frozen=True)
class SmallerSteps:
    """The config with half of what one forward pass takes; each step learns from the same batch,
    so the result stays what it was. Sizes before and after; `unit` is samples, or with packing
    rows or tokens of a row."""

    text: str
    key: str
    unit: str
    before: int
    after: int
    passes_before: int
    passes_after: int
    diff: list[DiffRow]


def smaller_steps(run: Run) -> SmallerSteps | None:
    """The remedy for a training run that had too little memory; None for any other run, and
    where a pass cannot be halved."""
    if run.kind != "sft" or (run.state, run.reason) != (State.FAILED, Reason.OOM):
        return None
    resolved = run.config_resolved
    batch, micro = resolved.get("batch_size"), resolved.get("micro_batch")
    if not isinstance(batch, int) or not isinstance(micro, int):
        return None
    packing = resolved.get("packing") or {}
    if packing.get("type") == "packed":
        if micro > 1:
            return _halved(run, "micro_batch", "rows", micro, 1, passes=(1, 2))
        longest = int(resolved["global_max_length"])
        rows = int(packing.get("row_tokens") or longest)
        return _halved(run, "packing.row_tokens", "tokens", rows, longest, passes=(1, 2))
    processes = (resolved.get("engine") or {}).get("processes") or 1
    share = max(1, batch // int(processes))
    micro = min(micro, share)
    passes = (-(-share // micro), -(-share // max(1, micro // 2)))
    return _halved(run, "micro_batch", "samples", micro, 1, passes=passes)


def _halved(
    run: Run, key: str, unit: str, before: int, least: int, *, passes: tuple[int, int]
) -> SmallerSteps | None:
    after = before // 2
    if after < least or after < 1:
        return None
    try:
        text = with_value(run.config_text, key, after)
    except UnreadableTextError:
        return None
    changed = [row for row in diff_rows(run.config_text, text) if row.tag != "same"]
    return SmallerSteps(text, key, unit, before, after, *passes, diff=changed)
