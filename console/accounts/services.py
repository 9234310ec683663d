"""Writes of accounts: signing in and out, passwords, people, projects and members."""
from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from console.accounts import audit
from console.accounts.access import client_address
from console.accounts.audit import Actor
from console.accounts.models import LoginAttempt, Membership, Project, User
from console.accounts.roles import Role
from console.api.problems import ApiProblem

ATTEMPTS_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class SignIn:
    """How a try to sign in ended. `retry_at` is set when the account or address has to wait."""

    outcome: Literal["ok", "wrong", "locked"]
    user: User | None = None
    retry_at: datetime | None = None


def sign_in(request: HttpRequest, username: str, password: str) -> SignIn:
    """Check a name and password and start a session.

    A locked account or address is not told whether the password was right. The try is written down
    before it is judged, so that tries at the same time count against each other.
    """
    name = username.replace("\x00", "").strip().lower()[:64]
    address = client_address(request)
    attempt = LoginAttempt.objects.create(username=name, address=address)
    if retry_at := locked_until(name, address, before=attempt):
        # Not a try at all: knocking on a locked door must not keep it locked.
        attempt.delete()
        return SignIn("locked", retry_at=retry_at)
    user = authenticate(request, username=name, password=password)
    actor = Actor(user if isinstance(user, User) else None, name or "anonymous", address)
    if not isinstance(user, User):
        audit.record(actor, "session.refused", name)
        return SignIn("wrong")
    with transaction.atomic():
        LoginAttempt.objects.filter(pk=attempt.pk).update(succeeded=True)
        login(request, user)
        audit.record(actor, "session.start", name)
    return SignIn("ok", user=user)


def locked_until(
    username: str, address: str | None, *, before: LoginAttempt | None = None
) -> datetime | None:
    """When the account or the address may try again; None when it may now.

    Failures count within the window. A success clears the account's count, not the address's: who
    guesses at many accounts from one address does not get free by owning one of them.
    """
    now = timezone.now()
    recent = LoginAttempt.objects.filter(time__gt=now - _window(), succeeded=False)
    if before is not None:
        recent = recent.filter(pk__lt=before.pk)
    own = recent.filter(username=username)
    won = LoginAttempt.objects.filter(username=username, succeeded=True).order_by("-time").first()
    if won is not None:
        own = own.filter(time__gt=won.time)
    ends = [_lock_end(list(own.values_list("time", flat=True)), settings.LOCKOUT_PER_ACCOUNT)]
    if address is not None:
        times = list(recent.filter(address=address).values_list("time", flat=True))
        ends.append(_lock_end(times, settings.LOCKOUT_PER_ADDRESS))
    return max((end for end in ends if end is not None), default=None)


def _lock_end(failures: list[datetime], allowed: int) -> datetime | None:
    if len(failures) < allowed:
        return None
    return sorted(failures)[-allowed] + _window()


def forget_old_attempts() -> None:
    """Delete sign-in tries and sessions that no longer decide anything."""
    LoginAttempt.objects.filter(time__lt=timezone.now() - ATTEMPTS_KEPT).delete()
    Session.objects.filter(expire_date__lt=timezone.now()).delete()


def _window() -> timedelta:
    return timedelta(seconds=settings.LOCKOUT_WINDOW_S)


def sign_out(request: HttpRequest) -> None:
    """End the session."""
    if isinstance(request.user, User):
        audit.record(Actor.of_request(request), "session.end", request.user.username)
    logout(request)


def change_password(request: HttpRequest, old: str, new: str) -> None:
    """Set the signed-in person's own password; other sessions of theirs end.

    Raises Django's ValidationError with `old` or `new` as the field.
    """
    user = request.user
    assert isinstance(user, User)
    if not user.check_password(old):
        raise ValidationError({"old": _("This is not your present password.")})
    if old == new:
        raise ValidationError({"new": _("Choose another password than the present one.")})
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise ValidationError({"new": error.messages}) from error
    with transaction.atomic():
        user.set_password(new)
        user.must_change_password = False
        user.save(update_fields=["password", "must_change_password"])
        audit.record(Actor.of_request(request), "password.change", user.username)
    update_session_auth_hash(request, user)


def issue_one_time_password(actor: Actor, user: User) -> str:
    """A new password that its owner must replace at the first sign-in. Returned once."""
    password = "-".join(secrets.token_hex(2) for _part in range(4))
    with transaction.atomic():
        user.set_password(password)
        user.must_change_password = True
        user.save(update_fields=["password", "must_change_password"])
        audit.record(actor, "password.issue", user.username)
    return password


def create_user(
    actor: Actor, username: str, display_name: str = "", *, is_superuser: bool = False
) -> tuple[User, str]:
    """A new person and their one-time password. Raises ValidationError for a bad or taken name."""
    with transaction.atomic():
        user = User.objects.create_user(
            username, display_name=display_name, is_superuser=is_superuser
        )
        audit.record(actor, "user.create", user.username, detail={"superuser": is_superuser})
        return user, issue_one_time_password(actor, user)


def set_active(actor: Actor, user: User, *, active: bool) -> None:
    """Let a person in or shut them out; their tokens stop with them."""
    with transaction.atomic():
        user.is_active = active
        user.save(update_fields=["is_active"])
        audit.record(actor, "user.activate" if active else "user.deactivate", user.username)


def create_project(actor: Actor, slug: str, name: str, description: str = "") -> Project:
    """A new project; its maker becomes its admin. Raises ValidationError for a bad slug."""
    with transaction.atomic():
        project = Project(slug=slug, name=name, description=description)
        project.full_clean()
        project.save()
        audit.record(actor, "project.create", slug, project=project)
        if actor.user is not None:
            set_role(actor, project, actor.user, Role.ADMIN)
    return project


def edit_project(actor: Actor, project: Project, changes: dict[str, Any]) -> Project:
    """Change `name` or `description`."""
    with transaction.atomic():
        for field in ("name", "description"):
            if field in changes:
                setattr(project, field, changes[field])
        project.full_clean()
        project.save()
        audit.record(actor, "project.edit", project.slug, project=project, detail=changes)
    return project


def set_role(actor: Actor, project: Project, user: User, role: str) -> Membership:
    """Make someone a member, or change their role. Raises ApiProblem for the last admin."""
    with transaction.atomic():
        _keep_an_admin(project, user, role)
        membership, created = Membership.objects.update_or_create(
            project=project, user=user, defaults={"role": Role(role)}
        )
        action = "member.add" if created else "member.change"
        audit.record(actor, action, user.username, project=project, detail={"role": role})
    return membership


def remove_member(actor: Actor, membership: Membership) -> None:
    """Take someone out of a project. Raises ApiProblem for the last admin."""
    with transaction.atomic():
        project, user = membership.project, membership.user
        _keep_an_admin(project, user, "")
        membership.delete()
        audit.record(actor, "member.remove", user.username, project=project)


def _keep_an_admin(project: Project, user: User, new_role: str) -> None:
    admins = Membership.objects.select_for_update().filter(project=project, role=Role.ADMIN)
    names = {membership.user_id for membership in admins}
    if new_role != Role.ADMIN and names == {user.pk}:
        raise ApiProblem(409, "last_admin", "The project's only admin has to stay one.")
