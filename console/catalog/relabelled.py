"""Where the labels of a version come from, when people's decisions corrected them."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

from console.catalog import blobs
from console.catalog.indexing import MAX_JSON
from console.catalog.models import DatasetVersion
from console.catalog.queries import file_of
from mlcore.contract.reader import MANIFEST
from mlcore.contract.relabel import CORRECTIONS

SHOWN = 12


def relabelled(version: DatasetVersion) -> dict[str, Any] | None:
    """What dataset.json says of the corrections, with the first of them as `rows`; None for a
    version that no decision made."""
    lines, manifest = file_of(version.output, CORRECTIONS), file_of(version.output, MANIFEST)
    if lines is None or manifest is None:
        return None
    about = json.loads(blobs.read_blob(manifest["sha256"], MAX_JSON)).get("relabelled")
    if not isinstance(about, dict):
        return None
    with blobs.open_blob(lines["sha256"]) as file:
        rows = [json.loads(line) for line in islice(file, SHOWN)]
    shown = ("ticket_key", "was", "item")
    return {
        **about,
        "rows": [{**{key: row[key] for key in shown}, "now": row["is"]} for row in rows],
    }
