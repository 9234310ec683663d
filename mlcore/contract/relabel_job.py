"""The `relabel` job: what people decided becomes the labels of a new dataset."""

from __future__ import annotations

from typing import Any

from mlcore.contract.reader import open_dataset
from mlcore.contract.relabel import (
    corrections,
    read_decisions,
    snapshot_file,
    write_relabelled,
)
from mlcore.contract.relabel_config import RelabelConfig
from mlcore.contract.ticket_list import tickets_of
from mlcore.errors import DataError
from mlcore.run.context import RunContext
from mlcore.run.hashing import file_sha256

PROGRESS_EVERY = 200


def run(config: RelabelConfig, ctx: RunContext) -> dict[str, Any]:
    """Write the corrected dataset. Raises DataError on a bad dataset or snapshot and where no
    label differs, CancelledError on a stop."""
    dataset = open_dataset(ctx.resolve(config.dataset))
    ctx.events.status("running", f"Correcting labels of {dataset.name}")
    tickets = tickets_of(dataset, config.label_key)
    file = snapshot_file(ctx.resolve(config.decisions))
    decisions = read_decisions(file, config.runs)
    changed = corrections(tickets, decisions)
    if not changed:
        raise DataError(
            f"none of {len(decisions)} decisions differs from the label of one of the "
            f"{len(tickets)} tickets of {dataset.name}",
            hint="Tickets are found by name and label; `runs` leaves out those of other runs.",
            where=file.name,
        )

    def progress(done: int, total: int) -> None:
        ctx.check_stop()
        if done % PROGRESS_EVERY == 0 or done == total:
            ctx.events.progress(done, total, "files")

    about = {
        "dataset": config.dataset,
        "fingerprint": dataset.fingerprint,
        "decisions": config.decisions,
        "decisions_sha256": file_sha256(file),
        "runs": config.runs,
        "guidance": sorted({one.decided.guidance for one in changed} - {""}),
    }
    manifest = write_relabelled(dataset, ctx.output("dataset"), tickets, changed, about, progress)
    told = manifest["relabelled"]
    return {
        "schema": "relabel/1",
        "headline": {
            "corrected": {"value": told["corrected"], "unit": "tickets", "n": len(tickets)},
            "left_out": {"value": told["left_out"], "unit": "tickets", "n": len(tickets)},
        },
        "fingerprint": manifest["fingerprint"],
        "tickets": manifest["tickets"],
        "relabelled": told,
    }
