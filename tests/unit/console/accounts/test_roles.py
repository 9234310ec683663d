"""The one table of rights."""
from __future__ import annotations

import pytest

from console.accounts.access import requires
from console.accounts.roles import LADDER, RIGHTS, Role, Scope, rights_of_role, scope_allows


def test_an_admin_has_every_right_of_a_project_and_no_site_right() -> None:
    site = {name for name, right in RIGHTS.items() if right.site}
    assert rights_of_role(Role.ADMIN) == set(RIGHTS) - site


@pytest.mark.parametrize(
    ("lower", "higher"),
    [("viewer", "operator"), ("viewer", "reviewer"), ("operator", "lead"), ("reviewer", "lead"),
     ("viewer", "auditor"), ("auditor", "lead"), ("lead", "admin")],
)
def test_a_higher_role_has_all_that_a_lower_one_has(lower: str, higher: str) -> None:
    assert rights_of_role(lower) <= rights_of_role(higher)


def test_a_viewer_changes_nothing() -> None:
    assert all(name.endswith(".view") for name in rights_of_role(Role.VIEWER))


def test_an_auditor_changes_nothing_and_reads_every_log() -> None:
    more = rights_of_role(Role.AUDITOR) - rights_of_role(Role.VIEWER)
    assert more == {"audit.view", "reviews.audit"}


def test_a_bot_brings_tickets_in_and_decisions_out_and_does_nothing_else() -> None:
    allowed = {name for name in RIGHTS if scope_allows(Scope.BOT, name)}
    assert allowed == {"reviews.create", "reviews.export"}


def test_each_scope_includes_the_one_before() -> None:
    for name in RIGHTS:
        allowed = [scope_allows(scope, name) for scope in LADDER]
        assert allowed == sorted(allowed)
        assert scope_allows(Scope.ADMIN, name)
    assert not scope_allows(Scope.READ, "runs.launch")
    assert not scope_allows(Scope.LAUNCH, "members.manage")


def test_a_right_that_does_not_exist_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="runs\\.veiw"):
        requires("runs.veiw")
