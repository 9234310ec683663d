"""The audit log: every act that changes something worth asking about later."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from console.accounts.access import client_address
from console.accounts.models import ApiToken, AuditEntry, HostToken, Project, User


@dataclass(frozen=True)
class Actor:
    """Who acts and from where. Services take one instead of a request."""

    user: User | None = None
    label: str = "system"
    address: str | None = None
    token: str = ""

    @classmethod
    def of_user(cls, user: User) -> Actor:
        return cls(user, user.username)

    @classmethod
    def of_request(cls, request: HttpRequest | Any) -> Actor:
        """The person, token owner or host behind a Django or DRF request."""
        auth = getattr(request, "auth", None)
        address = client_address(request)
        if isinstance(auth, HostToken):
            return cls(None, f"host:{auth.name}", address, auth.prefix)
        user = request.user if isinstance(request.user, User) else None
        token = auth.prefix if isinstance(auth, ApiToken) else ""
        return cls(user, user.username if user else "anonymous", address, token)


SYSTEM = Actor()


def record(
    actor: Actor,
    action: str,
    object_: str = "",
    *,
    project: Project | None = None,
    detail: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Append an entry. `action` is `thing.verb` (`run.launch`), `object_` a short name or ref.

    Call it inside the transaction of the act itself, so that neither exists without the other.
    """
    body = dict(detail or {})
    if actor.token:
        body["token"] = actor.token
    return AuditEntry.objects.create(
        project=project, user=actor.user, actor=actor.label, action=action,
        object=object_[:200], detail=body, address=actor.address,
    )
