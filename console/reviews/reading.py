"""Lines of the files of outputs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from console.catalog import blobs

log = logging.getLogger(__name__)
MAX_LINE = 4 << 20
File = Mapping[str, Any]


def json_lines(files: Sequence[File], name: str) -> Iterator[dict[str, Any]]:
    """The objects of a file of an output; nothing when the output has no such file. Lines that
    cannot be read are passed over and counted in the log."""
    entry = next((f for f in files if PurePosixPath(f["path"]).name == name), None)
    if entry is None:
        return
    bad = 0
    with blobs.open_blob(entry["sha256"]) as file:
        while raw := file.readline(MAX_LINE):
            try:
                value = json.loads(raw)
            except ValueError:
                bad += 1
                continue
            if isinstance(value, dict):
                yield value
    if bad:
        log.warning("lines that are not JSON", extra={"file": name, "lines": bad})
