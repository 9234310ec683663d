"""The plan of an epoch as a table for people."""

from __future__ import annotations

from mlcore.fusion.plan import EpochPlan, PlanRow

_HEAD = (
    "dataset", "role", "from", "pool", "quota", "unique", "repeats", "task", "prompts",
    "augmentation", "objects",
)  # fmt: skip
_NUMBERS = {"pool", "quota", "unique", "repeats", "objects"}


def plan_table(plan: EpochPlan) -> str:
    """One line for each dataset, notes below."""
    rows = [_HEAD, *(_cells(row) for row in plan.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = [
        "  ".join(
            cell.rjust(width) if name in _NUMBERS else cell.ljust(width)
            for name, cell, width in zip(_HEAD, row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    lines += [f"{row.name}: {row.note}" for row in plan.rows if row.note]
    return "\n".join(lines)


def _cells(row: PlanRow) -> tuple[str, ...]:
    return (
        row.name,
        row.role,
        f"{row.dataset} {row.split}",
        str(row.pool),
        str(row.quota),
        str(row.unique),
        str(row.repeats),
        row.task,
        row.prompts,
        row.augmentation,
        "all" if row.max_objects is None else f"≤ {row.max_objects}",
    )
