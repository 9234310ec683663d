"""Launching an import from a page exactly once, however often its form is sent."""
from __future__ import annotations

import hashlib
import json

from django.db import IntegrityError, transaction

from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.models import StoredAnswer
from console.api.problems import ApiProblem
from console.runs import launching
from console.runs.launching import LaunchRequest

CREATED = 201


def launch_once(actor: Actor, project: Project, key: str, text: str) -> str:
    """The uid of the run that the form with this key launched, now or before.

    The claim of the key and the run are one transaction, as with the API's Idempotency-Key, and
    share its table. Raises ApiProblem 422 for a config that cannot run, 409 for the same key with
    another text.
    """
    if not 8 <= len(key) <= 64:
        raise ApiProblem(422, "invalid", "The form carries no key; open it again.")
    caller, name = f"user:{actor.user.pk if actor.user else 0}", f"page:{key}"
    digest = hashlib.sha256(f"{project.slug}\n{text}".encode()).hexdigest()
    if stored := StoredAnswer.objects.filter(caller=caller, key=name).first():
        return _uid_of(stored, digest)
    try:
        with transaction.atomic():
            claim = StoredAnswer.objects.create(caller=caller, key=name, request_hash=digest)
            request = LaunchRequest(text=text, filename="import.yaml")
            run = launching.launch(actor, project, request)
            claim.status, claim.body = CREATED, json.dumps({"uid": run.uid})
            claim.save(update_fields=["status", "body"])
    except IntegrityError:
        stored = StoredAnswer.objects.filter(caller=caller, key=name).first()
        if stored is None:
            raise
        return _uid_of(stored, digest)
    return str(run.uid)


def _uid_of(stored: StoredAnswer, digest: str) -> str:
    if stored.request_hash != digest:
        raise ApiProblem(
            409, "idempotency_mismatch", "This form was already sent with another text."
        )
    return str(json.loads(stored.body)["uid"])
