"""Reads of accounts."""
from __future__ import annotations

from django.db.models import QuerySet

from console.accounts.models import ApiToken, AuditEntry, HostToken, Membership, Project, User
from console.accounts.roles import Role


def visible_projects(user: User) -> QuerySet[Project]:
    """The projects that a person may open."""
    if user.is_superuser:
        return Project.objects.all()
    return Project.objects.filter(memberships__user=user)


def projects_of(user: User) -> list[tuple[Project, str]]:
    """The projects that a person may open with their role, by slug."""
    roles = dict(Membership.objects.filter(user=user).values_list("project_id", "role"))
    fallback = Role.ADMIN if user.is_superuser else ""
    return [(p, roles.get(p.pk, fallback)) for p in visible_projects(user).order_by("slug")]


def members(project: Project) -> QuerySet[Membership]:
    """The active people of a project."""
    return project.memberships.select_related("user").filter(user__is_active=True)


def audit_of(project: Project) -> QuerySet[AuditEntry]:
    """The entries of one project, newest first."""
    return AuditEntry.objects.filter(project=project)


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """A person's API tokens, newest first, revoked ones included."""
    return ApiToken.objects.filter(user=user)


def host_tokens() -> QuerySet[HostToken]:
    """All host tokens, newest first, revoked ones included."""
    return HostToken.objects.select_related("created_by")


def people() -> QuerySet[User]:
    """Everybody who has an account, by name."""
    return User.objects.order_by("username")
