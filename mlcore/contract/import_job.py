"""The `import` job: foreign annotations become a dataset folder."""

from __future__ import annotations

from typing import Any

from mlcore.contract.import_config import ImportConfig
from mlcore.contract.importers.archive import Progress, archive_of, opened_source
from mlcore.contract.importers.engine import import_dataset
from mlcore.contract.writer import REJECTS
from mlcore.errors import DataError
from mlcore.run.context import RunContext
from mlcore.run.hashing import file_sha256

PROGRESS_EVERY = 10


def run(config: ImportConfig, ctx: RunContext) -> dict[str, Any]:
    """Import the source. Raises DataError past the reject share and for a zip that is not safe to
    unpack, InfrastructureError without room to unpack it, CancelledError on a stop."""
    source = ctx.resolve(config.source)
    archive = archive_of(source)
    if archive is not None:
        ctx.events.status("running", f"Unpacking {archive.name}")
    try:
        into, unpacked = ctx.folder.root / "unpacked", _progress(ctx, "files")
        with opened_source(source, into, config.format.type, unpacked) as folder:
            ctx.events.status("running", f"Importing {(archive or source).name}")
            out, progress = ctx.output("dataset"), _progress(ctx, "images")
            manifest = import_dataset(folder, out, config, progress)
    except DataError:
        _announce_rejects(ctx)
        raise
    counts = manifest["import"]
    if manifest["rejects"]:
        message = f"{manifest['rejects']} rejected; rejects.jsonl names each by file and line"
        ctx.events.warning("rejects", message, count=manifest["rejects"])
    for split, entry in manifest["splits"].items():
        if not entry["records"]:
            ctx.events.warning("empty_split", f"the split {split} has no picture left", count=1)
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


def _progress(ctx: RunContext, unit: str) -> Progress:
    """Says every PROGRESS_EVERY and the last, and stops where that was asked for."""

    def progress(done: int, total: int) -> None:
        ctx.check_stop()
        if done % PROGRESS_EVERY == 0 or done == total:
            ctx.events.progress(done, total, unit)

    return progress


def _announce_rejects(ctx: RunContext) -> None:
    """The rejects of an import that failed, which has no dataset to hold them."""
    path = ctx.output("dataset") / REJECTS
    if path.is_file() and path.stat().st_size:
        relative = path.relative_to(ctx.folder.root).as_posix()
        size = path.stat().st_size
        ctx.events.artifact(REJECTS, relative, file_sha256(path), size, "application/x-ndjson")
