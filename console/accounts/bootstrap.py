"""The first start: a project, an operator, and the tokens of this machine."""
from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import transaction

from console.accounts import services
from console.accounts.audit import SYSTEM, Actor
from console.accounts.models import Project, Token, User
from console.accounts.roles import Role, Scope
from console.accounts.tokens import find_api_token, find_host_token, make_api_token, make_host_token

LOCAL = "this machine"


def bootstrap(project_slug: str, username: str) -> dict[str, str | None]:
    """Make what is missing. Returns {project, operator, one_time_password, host_token, api_token};
    the password is None once the operator has chosen their own."""
    services.forget_old_attempts()
    password: str | None = None
    with transaction.atomic():
        user = User.objects.filter(username=username).first()
        if user is None:
            user, password = services.create_user(SYSTEM, username, "Operator", is_superuser=True)
        elif user.must_change_password:
            password = services.issue_one_time_password(SYSTEM, user)
        actor = Actor.of_user(user)
        project = Project.objects.filter(slug=project_slug).first()
        if project is None:
            title = project_slug.replace("-", " ").capitalize()
            project = services.create_project(actor, project_slug, title)
        if not project.memberships.filter(user=user).exists():
            services.set_role(actor, project, user, Role.ADMIN)
    return {
        "project": project.slug,
        "operator": user.username,
        "one_time_password": password,
        "host_token": _host_token(actor),
        "api_token": _api_token(actor, user),
    }


def _host_token(actor: Actor) -> str:
    def make() -> str:
        return make_host_token(actor, LOCAL)[1]

    return _kept("host_token", find_host_token, make)


def _api_token(actor: Actor, user: User) -> str:
    def make() -> str:
        return make_api_token(actor, user, LOCAL, Scope.LAUNCH)[1]

    return _kept("api_token", find_api_token, make)


def _kept(
    name: str,
    find: Callable[[str], Token | None],
    make: Callable[[], str],
) -> str:
    """The secret in the state folder's file while it works, else a new one in its place."""
    path = Path(settings.STATE_DIR) / name
    if path.exists():
        secret = path.read_text(encoding="ascii").strip()
        if find(secret) is not None:
            return secret
    secret = make()
    write_private(path, secret + "\n")
    return secret


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(beside).replace(path)
