"""API and host tokens: made once, shown once, stored as a hash, revocable.

A token is `gha_` (API) or `ghh_` (host), a public prefix of 8 characters, a dot, and 43 characters
of randomness. 256 random bits need no slow hash: SHA-256 is enough and costs no time per request.
"""
from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from console.accounts import audit
from console.accounts.audit import Actor
from console.accounts.models import ApiToken, HostToken, Token, User
from console.accounts.roles import Scope

API_MARK = "gha_"
HOST_MARK = "ghh_"
LAST_USED_EVERY = timedelta(minutes=1)
"""`last_used` is this coarse, so that a busy host does not write a row per request"""
T = TypeVar("T", bound=Token)


def make_api_token(
    actor: Actor, user: User, name: str, scope: str, expires: datetime | None = None
) -> tuple[ApiToken, str]:
    """A new token and its secret, which nobody can read again."""
    prefix, secret, digest = _mint(API_MARK)
    with transaction.atomic():
        token = ApiToken(
            user=user, name=name, scope=Scope(scope), expires=expires, prefix=prefix, digest=digest
        )
        token.full_clean()
        token.save()
        detail = {"name": name, "scope": scope, "for": user.username}
        audit.record(actor, "token.create", prefix, detail=detail)
    return token, secret


def make_host_token(actor: Actor, name: str) -> tuple[HostToken, str]:
    """A new token for one worker host."""
    prefix, secret, digest = _mint(HOST_MARK)
    with transaction.atomic():
        token = HostToken(name=name, prefix=prefix, digest=digest, created_by=actor.user)
        token.full_clean()
        token.save()
        audit.record(actor, "host_token.create", prefix, detail={"name": name})
    return token, secret


def revoke(actor: Actor, token: Token) -> None:
    """Make a token useless now. Doing it again changes nothing."""
    with transaction.atomic():
        changed = type(token)._default_manager.filter(pk=token.pk, revoked=None).update(
            revoked=timezone.now()
        )
        if changed:
            kind = "host_token" if isinstance(token, HostToken) else "token"
            audit.record(actor, f"{kind}.revoke", token.prefix, detail={"name": token.name})
    token.refresh_from_db()


def find_api_token(secret: str) -> ApiToken | None:
    """The usable token of this secret whose owner is active, or None."""
    token = _find(ApiToken, API_MARK, secret)
    return token if token is not None and token.user.is_active else None


def find_host_token(secret: str) -> HostToken | None:
    """The usable host token of this secret, or None."""
    return _find(HostToken, HOST_MARK, secret)


def _mint(mark: str) -> tuple[str, str, str]:
    prefix = mark + secrets.token_hex(4)
    secret = f"{prefix}.{secrets.token_urlsafe(32)}"
    return prefix, secret, _digest(secret)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _find(model: type[T], mark: str, secret: str) -> T | None:
    prefix, dot, _rest = secret.partition(".")
    if not dot or not prefix.startswith(mark) or len(prefix) > 16:
        return None
    rows = model._default_manager.filter(prefix=prefix)
    token = rows.select_related("user").first() if model is ApiToken else rows.first()
    if token is None or not hmac.compare_digest(token.digest, _digest(secret)) or not token.usable:
        return None
    now = timezone.now()
    if token.last_used is None or token.last_used < now - LAST_USED_EVERY:
        rows.update(last_used=now)
    return token
