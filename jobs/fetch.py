"""The one seam from a named input to a local folder.

A tree is made once per host under `cache/<digest>/`. Each file comes by hard link from the run
folder that made it or from a local blob store, else over HTTP; every file's hash is checked.
"""
from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from jobs.client import HostClient
from jobs.errors import FetchError, InputError
from jobs.messages import Binding
from jobs.settings import HostSettings
from mlcore.run.hashing import FileEntry, file_sha256, tree_digest

_DIGEST = re.compile(r"[0-9a-f]{64}")
_RUN_REF = re.compile(r"run:([A-Za-z0-9_-]+)/([A-Za-z0-9_-]+)")
logger = logging.getLogger(__name__)


def safe_relative(path: str) -> PurePosixPath:
    """A relative path that stays in its folder. Raises InputError for anything else."""
    pure = PurePosixPath(path)
    bad = not path or pure.is_absolute() or "\\" in path or "\0" in path
    if bad or any(part in ("", ".", "..") for part in path.split("/")):
        raise InputError(f"refused the path {path!r}: it could leave its folder")
    return pure


class Fetcher:
    """Makes bindings into folders of this host."""

    def __init__(
        self, client: HostClient, settings: HostSettings, check: Callable[[], None]
    ) -> None:
        """`check` is called between files and raises to stop."""
        self._client = client
        self._settings = settings
        self._check = check

    def fetch(self, binding: Binding) -> Path:
        """The folder of one input. Raises InputError for paths or digests that are not what they
        claim, FetchError when a file cannot be had intact, OSError when the disk fails."""
        target = self._settings.cache / checked_digest(binding)
        if target.is_dir():
            return target
        self._settings.cache.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".making-", dir=self._settings.cache))
        try:
            for entry in binding.files:
                self._check()
                self._place(binding, entry, work)
            work.chmod(0o755)
            _publish(work, target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return target

    def _place(self, binding: Binding, entry: FileEntry, work: Path) -> None:
        relative = safe_relative(entry.path)
        target = work / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        for source in self._local_sources(binding.ref, relative, entry.sha256):
            if _is_intact(source, entry):
                _link(source, target)
                return
        self._client.get_blob(entry.sha256, target)
        if target.stat().st_size != entry.size:
            raise FetchError(f"{entry.path} of {binding.ref} has another size than announced")

    def _local_sources(self, ref: str, relative: PurePosixPath, sha256: str) -> list[Path]:
        sources = []
        match = _RUN_REF.fullmatch(ref)
        if match:
            sources.append(self._settings.runs / match[1] / "artifacts" / match[2] / relative)
        if self._settings.blob_root is not None:
            sources.append(self._settings.blob_root / sha256[:2] / sha256)
        return sources


def checked_digest(binding: Binding) -> str:
    """The digest of a binding when it is the digest of its files. Raises InputError if not."""
    for entry in binding.files:
        safe_relative(entry.path)
        if not _DIGEST.fullmatch(entry.sha256):
            raise InputError(f"{binding.ref}: {entry.path} has no SHA-256")
    if tree_digest(binding.files) != binding.digest:
        raise InputError(f"{binding.ref}: {binding.digest[:12]} is not the digest of its files")
    return binding.digest


def _is_intact(source: Path, entry: FileEntry) -> bool:
    """True for a regular file (no link anywhere in its last step) with the announced content."""
    if source.is_symlink() or not source.is_file() or source.stat().st_size != entry.size:
        return False
    if file_sha256(source) != entry.sha256:
        logger.warning("%s is not what it was: taking the file from the console", source)
        return False
    return True


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        # Another file system, or one without hard links: a copy is the same to the reader.
        logger.debug("no hard link for %s (%s): copying", source, error)
        shutil.copyfile(source, target)


def _publish(work: Path, target: Path) -> None:
    """Rename into place. Another thread may have made the same tree first; then it is used."""
    try:
        work.rename(target)
    except OSError:
        if not target.is_dir():
            raise
