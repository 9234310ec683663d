"""Files go home before the words that name them: blobs of events, then the output trees."""
from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.client import HostClient
from mlcore.run.hashing import FileEntry, file_sha256, tree_listing

logger = logging.getLogger(__name__)


class Uploader:
    """Uploads files of one run folder. Remembers what the console has, so nothing travels twice."""

    def __init__(self, client: HostClient, folder: Path, check: Callable[[], None]) -> None:
        """`check` is called between files and raises to stop."""
        self._client = client
        self._folder = folder.resolve()
        self._check = check
        self._known: set[str] = set()

    def event_files(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Upload what artifact and sample events name. A file that is gone or changed since is
        skipped with a warning in the worker's log: the event still tells what it was."""
        wanted = {row["sha256"]: row["path"] for event in events for row in _files_of(event)}
        self._upload({sha: self._folder / str(path) for sha, path in wanted.items()})

    def outputs(self, outputs: Sequence[Mapping[str, Any]]) -> None:
        """Upload the files of every output tree, then its listing under the tree's digest: an
        output of any number of files is then named by its digest alone.

        Raises OSError when a file is missing or the digest is not the tree's: an output that is
        incomplete must not be announced.
        """
        wanted = {
            str(row["sha256"]): self._folder / "artifacts" / str(output["name"]) / str(row["path"])
            for output in outputs
            for row in output["files"]
        }
        self._upload(wanted)
        lost = sorted(sha for sha in wanted if sha not in self._known)
        if lost:
            first = wanted[lost[0]]
            raise OSError(f"{len(lost)} output files are missing or changed, first {first}")
        for output in outputs:
            self._listing(output)

    def _listing(self, output: Mapping[str, Any]) -> None:
        entries = [FileEntry(f["path"], f["sha256"], int(f["size"])) for f in output["files"]]
        digest = str(output["digest"])
        with tempfile.NamedTemporaryFile(prefix=".listing-", dir=self._folder) as file:
            file.write(tree_listing(entries))
            file.flush()
            self._upload({digest: Path(file.name)})
        if digest not in self._known:
            raise OSError(f"{digest[:12]} is not the digest of the output {output['name']}")

    def _upload(self, wanted: Mapping[str, Path]) -> None:
        fresh = {sha: path for sha, path in wanted.items() if sha not in self._known}
        if not fresh:
            return
        missing = self._client.missing_blobs(fresh)
        self._known.update(fresh.keys() - missing)
        for sha in sorted(missing):
            self._check()
            if self._is_sound(fresh[sha], sha):
                self._client.put_blob(sha, fresh[sha])
                self._known.add(sha)

    def _is_sound(self, path: Path, sha: str) -> bool:
        real = path.resolve()
        if not real.is_relative_to(self._folder):
            logger.warning("%s lies outside the run folder: not uploaded", path)
            return False
        if not real.is_file() or file_sha256(real) != sha:
            logger.warning("%s is gone or changed since it was announced: not uploaded", path)
            return False
        return True


def _files_of(event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The {path, sha256} members of an event that name a file of the run folder."""
    source = event.get("image") if event.get("type") == "sample" else event
    if event.get("type") not in ("artifact", "sample") or not isinstance(source, dict):
        return
    if "sha256" in source and "path" in source:
        yield source
