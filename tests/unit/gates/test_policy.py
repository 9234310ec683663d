"""Policy files are strict."""
from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.errors import ConfigError
from mlcore.gates.policy import load_policy, shipped_policies

GOOD = """\
name: mine
version: 2
checks:
  - {id: a, kind: value, metric: reference.f1_50, comparison: ">=", limit: 0.5, min_n: 10, why: so}
"""


def load(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    load_policy("mine.yaml", lambda ref: tmp_path / ref)


def test_every_shipped_policy_loads_under_its_own_name() -> None:
    assert "demo" in shipped_policies()
    for name in shipped_policies():
        policy, digest = load_policy(name, lambda ref: pytest.fail(ref))
        assert policy.name == name
        assert policy.checks
        assert len(digest) == 64


def test_a_policy_file_is_found_through_the_run(tmp_path: Path) -> None:
    load(tmp_path, GOOD)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind: value, ", "", "kind"),
        ("kind: value", "kind: vibe", "kind"),
        ('">="', '"~"', "comparison"),
        ("min_n: 10", "min_n: 0", "min_n"),
        ("min_n: 10, ", "", "min_n"),
        ("limit: 0.5", "limit: .nan", "limit"),
        ("limit: 0.5", "limit: '0.5'", "limit"),
        ("why: so", "why: so, sev: high", "sev"),
        ("version: 2", "version: 2\nversion: 3", "duplicate"),
        ("checks:", "cheks:", "cheks"),
    ],
)
def test_it_refuses(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert any(words in str(problem) for problem in caught.value.problems)
    assert all(problem.line > 0 for problem in caught.value.problems)


def test_the_same_id_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="repeated: a"):
        load(tmp_path, GOOD + GOOD.splitlines()[-1] + "\n")


@pytest.mark.parametrize("name", ["nothing", "../policies/nothing", "/etc/passwd"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        load_policy(name, lambda ref: pytest.fail(ref))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_folder_or_bytes_in_place_of_a_policy_are_refused(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "x.yaml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_policy("x.yaml", lambda ref: path)
