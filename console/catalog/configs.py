"""Configs: checking a text, writing versions, and the difference between two."""
from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from django.db import IntegrityError, transaction
from django.utils import timezone

from console.accounts import audit
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.catalog.models import ConfigFile, ConfigVersion
from mlcore.config.load import LoadedConfig, load_text
from mlcore.errors import ConfigError, Problem

NAME = re.compile(r"\w[\w .+-]{0,119}", re.UNICODE)
MAX_TEXT = 1_000_000


@dataclass(frozen=True)
class Checked:
    """What is wrong with a text; when nothing is, what it means."""

    problems: list[Problem] = field(default_factory=list)
    loaded: LoadedConfig | None = None

    @property
    def ok(self) -> bool:
        return self.loaded is not None


@dataclass(frozen=True)
class DiffRow:
    """One row of a side-by-side view. Line numbers count from 1; None where a side has no line."""

    tag: Literal["same", "added", "removed", "changed"]
    old_number: int | None
    old: str
    new_number: int | None
    new: str


def check_text(text: str, filename: str = "config.yaml", overrides: Sequence[str] = ()) -> Checked:
    """All problems of a config text, or its loaded form. Never raises for a bad text."""
    try:
        return Checked(loaded=load_text(text, filename, overrides=overrides))
    except ConfigError as error:
        return Checked(problems=error.problems)


def save_version(
    actor: Actor,
    project: Project,
    name: str,
    text: str,
    message: str = "",
    *,
    expected_latest: int | None = None,
) -> ConfigVersion:
    """Write the next version of a config, making the config on its first one.

    Raises ConfigError for a text with problems, ApiProblem 412 when `expected_latest` is no longer
    the newest version (0 says: it must not exist yet). The newest text again is no new version.
    """
    if not NAME.fullmatch(name):
        detail = "Use letters, digits, spaces and . _ + - and start with a letter or digit."
        errors = [{"pointer": "/name", "detail": detail}]
        raise ApiProblem(422, "invalid", f"/name: {detail}", errors=errors)
    text = text.replace("\r\n", "\n")
    loaded = load_text(text, f"{name}.yaml")
    with transaction.atomic():
        config = _locked_config(project, name, loaded.kind)
        if expected_latest is not None and expected_latest != config.latest:
            raise ApiProblem(
                412, "precondition_failed",
                f"{name} is at version {config.latest} by now, not {expected_latest}.",
                latest=config.latest,
            )
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        newest = config.versions.first()
        if newest is not None and newest.sha256 == sha256:
            return newest
        version = ConfigVersion.objects.create(
            config=config, number=config.latest + 1, kind=loaded.kind, text=text, sha256=sha256,
            author=actor.user, message=message[:400],
        )
        config.latest, config.kind = version.number, loaded.kind
        config.updated, config.archived = timezone.now(), False
        config.save(update_fields=["latest", "kind", "updated", "archived"])
        label = f"config:{name}@{version.number}"
        audit.record(actor, "config.save", label, project=project, detail={"sha256": sha256})
    return version


def set_archived(actor: Actor, config: ConfigFile, *, archived: bool) -> None:
    """Hide a config from lists, or show it again. Its versions stay."""
    with transaction.atomic():
        changed = ConfigFile.objects.filter(pk=config.pk, archived=not archived)
        if changed.update(archived=archived, updated=timezone.now()):
            action = "config.archive" if archived else "config.restore"
            audit.record(actor, action, f"config:{config.name}", project=config.project)
    config.refresh_from_db()


def _locked_config(project: Project, name: str, kind: str) -> ConfigFile:
    try:
        with transaction.atomic():
            ConfigFile.objects.get_or_create(project=project, name=name, defaults={"kind": kind})
    except IntegrityError as error:
        # get_or_create retries a lost race itself; what is left is a name that cannot be stored.
        raise ApiProblem(422, "invalid", f"the config {name!r} cannot be stored") from error
    return ConfigFile.objects.select_for_update().get(project=project, name=name)


def unified_diff(old: ConfigVersion, new: ConfigVersion) -> str:
    """The difference as a patch text."""
    lines = difflib.unified_diff(
        old.text.splitlines(keepends=True), new.text.splitlines(keepends=True),
        f"{old}", f"{new}",
    )
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def diff_rows(old_text: str, new_text: str) -> list[DiffRow]:
    """The difference as rows of a side-by-side view."""
    old, new = old_text.splitlines(), new_text.splitlines()
    rows: list[DiffRow] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        for offset in range(max(a2 - a1, b2 - b1)):
            a = a1 + offset if a1 + offset < a2 else None
            b = b1 + offset if b1 + offset < b2 else None
            rows.append(
                DiffRow(
                    "same" if tag == "equal" else _tag(a, b),
                    None if a is None else a + 1, "" if a is None else old[a],
                    None if b is None else b + 1, "" if b is None else new[b],
                )
            )
    return rows


def _tag(old: int | None, new: int | None) -> Literal["added", "removed", "changed"]:
    if old is None:
        return "added"
    return "removed" if new is None else "changed"

