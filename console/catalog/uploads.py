"""Files that people upload: the zip that an import unpacks on its host.

A file becomes a blob and an output without a run, so it travels to a host as any input does.
"""
from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from console.accounts import audit
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.catalog import blobs
from console.catalog.blobs import BlobError
from console.catalog.models import Output
from console.web.formats import size
from mlcore.run.hashing import FileEntry, tree_digest

TYPE = "upload"
SUFFIX = ".zip"
LONGEST_NAME = 64


class UploadError(ApiProblem):
    """The file is not taken. The message says what to do."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(status, code, detail, errors=[{"parameter": "name", "detail": detail}])


def take(actor: Actor, project: Project, name: str, stated: int, chunks: Iterable[bytes]) -> Output:
    """Store a file under its name; the same bytes under the same name are the same upload.

    `stated` is the size in bytes that the request announces, 0 for none. Raises UploadError: 422
    for a name or content that is no zip, 413 past MAX_UPLOAD_BYTES, before anything is read where
    that was stated.
    """
    name = plain_name(name)
    limit = int(settings.MAX_UPLOAD_BYTES)
    if stated > limit:
        raise _too_large(limit)
    try:
        blob = blobs.take(chunks, limit, _check)
    except BlobError as error:
        if error.code != "blob_too_large":
            raise
        raise _too_large(limit) from error
    entry = FileEntry(name, blob.sha256, blob.size)
    digest = tree_digest([entry])
    with transaction.atomic():
        same = Output.objects.filter(project=project, type=TYPE, name=name, digest=digest).first()
        if same is not None:
            return same
        made = Output.objects.create(
            project=project, name=name, type=TYPE, digest=digest, bytes=blob.size,
            files=[{"path": name, "sha256": blob.sha256, "size": blob.size}],
        )
        detail = {"bytes": blob.size, "sha256": blob.sha256}
        audit.record(actor, "upload.add", made.ref, project=project, detail=detail)
    return made


def plain_name(name: str) -> str:
    """The file's name as a reference can hold it. Raises UploadError for what is no zip."""
    last = re.split(r"[/\\]", name)[-1]
    stem, dot, suffix = last.rpartition(".")
    if dot + suffix.lower() != SUFFIX:
        if suffix.lower() in ("json", "jsonl", "xml", "txt"):
            raise UploadError(422, "not_a_zip", _(
                "%(name)s is annotations without pictures, and every format needs both: put the "
                "folder that holds them into one .zip and upload that."
            ) % {"name": last})
        raise UploadError(422, "not_a_zip", _(
            "Upload a .zip of the folder. Archives of other kinds are not unpacked."
        ))
    stem = re.sub(r"[^\w.+-]+", "-", stem, flags=re.UNICODE).strip("-.")
    return f"{stem[: LONGEST_NAME - len(SUFFIX)] or 'upload'}{SUFFIX}"


def _check(path: Path, _sha256: str) -> None:
    if not zipfile.is_zipfile(path):
        raise UploadError(422, "not_a_zip", _(
            "The file is no zip, whatever its name says, or its end is missing: make the zip anew "
            "and upload it again."
        ))


def _too_large(limit: int) -> UploadError:
    return UploadError(413, "too_large", _(
        "The file is larger than %(limit)s, which is the most that this console takes. Put the "
        "folder on a host and give its path, or ask an administrator to raise "
        "GATEHOUSE_MAX_UPLOAD_BYTES."
    ) % {"limit": size(limit)})
