"""Settings: production refuses to start half configured; embedded makes what it needs."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from console.settings.secret import checked_secret_key, load_or_make_secret_key

pytestmark = pytest.mark.any_database
ROOT = Path(__file__).resolve().parents[4]
KEY = "k3Jx9" * 3 + "0Qw7Zr-TyUiOpAsDfGh2LmNbVcX4z6P8eR1t5Y"
GOOD = {
    "SECRET_KEY": KEY,
    "DATABASE_URL": "postgres://user:pw@db/gatehouse",
    "REDIS_URL": "redis://broker:6379/0",
    "ALLOWED_HOSTS": "gatehouse.internal",
}


def load(module: str, code: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    script = f"import console.settings.{module} as s\n{code}"
    clean = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")}
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={**clean, **env}, text=True,
        capture_output=True, check=False, timeout=120,
    )


def test_production_starts_with_everything_it_needs(tmp_path: Path) -> None:
    code = "assert s.SESSION_COOKIE_SECURE and s.CSRF_COOKIE_SECURE and not s.DEBUG"
    done = load("production", code, GATEHOUSE_STATE=str(tmp_path), **GOOD)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted(GOOD))
def test_production_refuses_to_start_without(name: str, tmp_path: Path) -> None:
    env = {key: value for key, value in GOOD.items() if key != name}
    done = load("production", GATEHOUSE_STATE=str(tmp_path), **env)
    assert done.returncode != 0
    assert f"{name} must be set" in done.stderr


@pytest.mark.parametrize(
    "change",
    [{"DEBUG": "1"}, {"ALLOWED_HOSTS": "*"}, {"SECRET_KEY": "short"}, {"SECRET_KEY": "a" * 60}],
)
def test_production_refuses_an_unsafe_value(change: dict[str, str], tmp_path: Path) -> None:
    done = load("production", GATEHOUSE_STATE=str(tmp_path), **{**GOOD, **change})
    assert "ImproperlyConfigured" in done.stderr


@pytest.mark.parametrize(
    "key", ["", "short", "a" * 80, "django-insecure-" + KEY, "changeme" + KEY]
)
def test_a_known_or_weak_key_is_refused(key: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        checked_secret_key(key)


def test_a_key_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    path = folder / "secret_key"
    first = load_or_make_secret_key(path)
    assert load_or_make_secret_key(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(folder.iterdir()) == [path]


def test_embedded_makes_its_state_folder_and_waits_for_the_write_lock(tmp_path: Path) -> None:
    state = tmp_path / "fresh"
    code = "print(s.DATABASES['default']['NAME'], s.DATABASES['default']['OPTIONS'])"
    done = load("embedded", code, GATEHOUSE_STATE=str(state))
    assert done.returncode == 0, done.stderr
    assert str(state / "db.sqlite3") in done.stdout
    for word in ("IMMEDIATE", "journal_mode=WAL", "'timeout': 20"):
        assert word in done.stdout
    assert state.stat().st_mode & 0o777 == 0o700


def test_embedded_takes_another_database_by_url(tmp_path: Path) -> None:
    code = "print(s.DATABASES['default']['ENGINE'])"
    env = {"GATEHOUSE_STATE": str(tmp_path), "DATABASE_URL": GOOD["DATABASE_URL"]}
    assert "postgresql" in load("embedded", code, **env).stdout


def test_embedded_shows_edits_without_a_restart_when_asked(tmp_path: Path) -> None:
    code = "import django; django.setup()\nfrom django.template import engines\n"
    code += "print([type(l).__module__ for l in engines['django'].engine.template_loaders])"
    env = {"DJANGO_SETTINGS_MODULE": "console.settings.embedded", "GATEHOUSE_STATE": str(tmp_path)}
    assert "cached" in load("embedded", code, **env).stdout
    done = load("embedded", code, GATEHOUSE_RELOAD="1", **env)
    assert "filesystem" in done.stdout, done.stderr
    assert "cached" not in done.stdout
