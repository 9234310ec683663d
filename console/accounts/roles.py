"""Who may do what: the one table. Pages, API, tokens and docs derive from it.

A right belongs to roles in a project. Site rights belong to superusers only. A superuser has every
right in every project. An API token narrows its owner's rights to its scopes.
"""
from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """Ordered from least to most."""

    VIEWER = "viewer", _("Viewer")
    AUDITOR = "auditor", _("Auditor")
    OPERATOR = "operator", _("Operator")
    REVIEWER = "reviewer", _("Reviewer")
    LEAD = "lead", _("Lead")
    ADMIN = "admin", _("Admin")


class Scope(models.TextChoices):
    """What a token may be used for; each includes the one before. A bot stands beside them: it
    brings tickets in and decisions out, and can do nothing else."""

    READ = "read", _("Read")
    LAUNCH = "launch", _("Read and launch")
    ADMIN = "admin", _("Everything its owner may do")
    BOT = "bot", _("Bring review tickets in and decisions out")


@dataclass(frozen=True)
class Right:
    """`roles` in a project that have it; `scope` that a token needs; `site` asks a superuser."""

    name: str
    title: str
    roles: frozenset[str]
    scope: Scope
    site: bool = False


_EVERYONE = frozenset(Role.values)
_OPERATING = frozenset({Role.OPERATOR, Role.LEAD, Role.ADMIN})
_DECIDING = frozenset({Role.LEAD, Role.ADMIN})
_REVIEWING = frozenset({Role.REVIEWER, Role.LEAD, Role.ADMIN})
_AUDITING = frozenset({Role.AUDITOR, Role.LEAD, Role.ADMIN})
_ADMIN = frozenset({Role.ADMIN})

_ALL = (
    Right("project.view", "See the project and its home page", _EVERYONE, Scope.READ),
    Right("runs.view", "See runs, metrics, logs and artifacts", _EVERYONE, Scope.READ),
    Right("runs.launch", "Launch, clone and retry runs", _OPERATING, Scope.LAUNCH),
    Right("runs.control", "Cancel, resume and reprioritise runs", _OPERATING, Scope.LAUNCH),
    Right("datasets.view", "See datasets and their images", _EVERYONE, Scope.READ),
    Right("datasets.edit", "Import and describe datasets", _OPERATING, Scope.LAUNCH),
    Right("datasets.relabel", "Correct labels by decisions", _DECIDING, Scope.LAUNCH),
    Right("configs.view", "See configs", _EVERYONE, Scope.READ),
    Right("configs.edit", "Write new config versions", _OPERATING, Scope.LAUNCH),
    Right("models.view", "See models and their lineage", _EVERYONE, Scope.READ),
    Right("models.edit", "Describe and label models", _OPERATING, Scope.LAUNCH),
    Right("gates.view", "See gate results and evidence", _EVERYONE, Scope.READ),
    Right("gates.decide", "Decide gates and promotions", _DECIDING, Scope.ADMIN),
    Right("fleet.view", "See hosts and queues", _EVERYONE, Scope.READ),
    Right("members.view", "See who is in the project", _EVERYONE, Scope.READ),
    Right("members.manage", "Add, change and remove members", _ADMIN, Scope.ADMIN),
    Right("project.edit", "Rename and describe the project", _ADMIN, Scope.ADMIN),
    Right("audit.view", "Read the audit log", _AUDITING, Scope.ADMIN),
    Right("reviews.view", "See the review queue and what was decided", _EVERYONE, Scope.READ),
    Right("reviews.decide", "Claim tickets and decide them", _REVIEWING, Scope.LAUNCH),
    Right("reviews.audit", "See every review, event and agreement", _AUDITING, Scope.READ),
    Right("reviews.assign", "Assign, release and prioritise tickets", _DECIDING, Scope.LAUNCH),
    Right("reviews.adjudicate", "Settle conflicts between reviews", _DECIDING, Scope.LAUNCH),
    Right("reviews.gold", "Choose the tickets that check reviewers", _DECIDING, Scope.LAUNCH),
    Right("reviews.configure", "Set how tickets are reviewed", _OPERATING, Scope.LAUNCH),
    Right("reviews.create", "Put tickets into the queue", _OPERATING, Scope.LAUNCH),
    Right("reviews.export", "Take decisions out", _OPERATING, Scope.LAUNCH),
    Right("guidance.view", "See guidance, its evidence and history", _EVERYONE, Scope.READ),
    Right("guidance.edit", "Promote, edit and revert guidance", _OPERATING, Scope.ADMIN),
    Right("verdicts.decide", "Save operating points", _DECIDING, Scope.ADMIN),
    Right("fleet.manage", "Drain hosts", frozenset(), Scope.ADMIN, site=True),
    Right("site.manage", "Make projects, people, host tokens", frozenset(), Scope.ADMIN, site=True),
)
RIGHTS: dict[str, Right] = {right.name: right for right in _ALL}

SIGNED_IN = "signed_in"
"""requirement of a view that any signed-in person may use (their own tokens, the project list)"""
HOST = "host"
"""requirement of a view that only a host token may use"""
PUBLIC = "public"
"""requirement of a view that needs nobody (sign-in, health)"""
REQUIREMENTS = frozenset({*RIGHTS, SIGNED_IN, HOST, PUBLIC})

LADDER = (Scope.READ, Scope.LAUNCH, Scope.ADMIN)
BOT_RIGHTS = frozenset({"reviews.create", "reviews.export"})
_SCOPE_ORDER = {str(scope): place for place, scope in enumerate(LADDER)}


def rights_of_role(role: str) -> frozenset[str]:
    """Every right that a role has in its project."""
    return frozenset(right.name for right in _ALL if role in right.roles)


def scope_allows(scope: str, right: str) -> bool:
    """True when a token of this scope may use the right (which its owner must have as well)."""
    if scope == Scope.BOT:
        return right in BOT_RIGHTS
    needed = RIGHTS[right].scope if right in RIGHTS else Scope.READ
    return _SCOPE_ORDER[scope] >= _SCOPE_ORDER[needed]
