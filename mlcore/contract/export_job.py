"""The `data_export` job: a dataset becomes a folder in a foreign format."""

from __future__ import annotations

from typing import Any

from mlcore.contract.export_config import DataExportConfig
from mlcore.contract.exporters.engine import export_dataset
from mlcore.contract.reader import open_dataset
from mlcore.run.context import RunContext

PROGRESS_EVERY = 20


def run(config: DataExportConfig, ctx: RunContext) -> dict[str, Any]:
    """Write the dataset. Raises DataError on a bad dataset, CancelledError on a stop."""
    dataset = open_dataset(ctx.resolve(config.dataset))
    ctx.events.status("running", f"Exporting {dataset.name}")

    def progress(done: int, total: int) -> None:
        ctx.check_stop()
        if done % PROGRESS_EVERY == 0 or done == total:
            ctx.events.progress(done, total, "images")

    report = export_dataset(dataset, ctx.output("files"), config, progress)
    lost = sum(report["objects"]["left_out"].values())
    if lost:
        message = f"{lost} objects have no geometry in {config.format} and are left out"
        ctx.events.warning("left_out", message, count=lost)
    images = sum(report["images"].values())
    return {
        **report,
        "headline": {
            "images": {"value": images, "unit": "images", "n": None},
            "objects": {
                "value": report["objects"]["written"],
                "unit": "objects",
                "n": report["objects"]["written"] + lost,
            },
        },
    }
