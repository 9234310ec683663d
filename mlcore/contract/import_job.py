"""The `import` job: foreign annotations become a dataset folder."""

from __future__ import annotations

from typing import Any

from mlcore.contract.import_config import ImportConfig
from mlcore.contract.importers.engine import import_dataset
from mlcore.run.context import RunContext

PROGRESS_EVERY = 10


def run(config: ImportConfig, ctx: RunContext) -> dict[str, Any]:
    """Import the source. Raises DataError past the reject share, CancelledError on a stop."""
    source = ctx.resolve(config.source)
    ctx.events.status("running", f"Importing {source.name}")

    def progress(done: int, total: int) -> None:
        ctx.check_stop()
        if done % PROGRESS_EVERY == 0 or done == total:
            ctx.events.progress(done, total, "images")

    manifest = import_dataset(source, ctx.output("dataset"), config, progress)
    counts = manifest["import"]
    if manifest["rejects"]:
        message = f"{manifest['rejects']} rejected; rejects.jsonl names each by file and line"
        ctx.events.warning("rejects", message, count=manifest["rejects"])
    return {
        "schema": "import/1",
        "headline": {
            "images": {
                "value": counts["images"]["kept"],
                "unit": "images",
                "n": counts["images"]["seen"],
            },
            "objects": {
                "value": counts["objects"]["kept"],
                "unit": "objects",
                "n": counts["objects"]["seen"],
            },
            "rejects": {"value": manifest["rejects"], "unit": "rejects", "n": None},
        },
        "fingerprint": manifest["fingerprint"],
        "splits": manifest["splits"],
        "classes": manifest["classes"],
        "import": counts,
    }
