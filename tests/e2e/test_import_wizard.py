"""The import wizard on a real console: what it wrote is imported by a worker, and it shows how."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.datasets import add_voc, encoded, picture, voc_object, voc_xml
from tests.support.stack import Client, Stack
from tests.support.visits import Walker

IMAGES = 24


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    return stack.client()


@pytest.fixture(scope="module")
def source(stack: Stack) -> Path:
    """A VOC folder below an allowed root: two photographs a ticket, one malformed box."""
    root = stack.state.data / "voc-of-the-wizard"
    for number in range(IMAGES):
        objects = voc_object("RBC", 4, 4, 40, 30)
        if number == 5:
            objects += voc_object("RBC", 7, 7, 7, 7)
        stem = f"T{number // 2:03d}_{'ab'[number % 2]}"
        add_voc(root, stem, voc_xml(objects), encoded(picture(number)))
    return root


class Wizard:
    """The wizard's pages, as a signed-in browser gets them."""

    def __init__(self, walker: Walker) -> None:
        self.ask = walker.visit

    def launched(self, **typed: str) -> str:
        """Walk the steps; returns the uid of the run."""
        status, _place, page = self.ask("get", "import/", step="review", **typed)
        assert status == 200, page
        text = re.search(r"<textarea name=\"text\"[^>]*>(.*?)</textarea>", page, re.DOTALL)
        once = re.search(r'name="once" value="([^"]+)"', page)
        assert text is not None
        assert once is not None
        body = {"text": html.unescape(text[1]).lstrip("\n"), "once": once[1]}
        status, place, page = self.ask("post", "import/", **body)
        assert status == 302, page
        assert self.ask("post", "import/", **body)[1] == place, "sent twice, launched once"
        return place.rstrip("/").rpartition("/")[2]


@pytest.fixture(scope="module")
def wizard(walker: Walker) -> Wizard:
    return Wizard(walker)


def typed(source: Path, **more: str) -> dict[str, str]:
    return {
        "format": "voc", "source": str(source), "dataset_name": "cells", "max_reject_share": "0.5",
        "ticket_pattern": r"(T\d+)_", "splits": "drawn", **more,
    }  # fmt: skip


def test_a_first_try_then_everything_with_its_report(
    wizard: Wizard, client: Client, source: Path
) -> None:
    uid = wizard.launched(**typed(source, limit="6"))
    client.succeeded(uid)
    status, _place, page = wizard.ask("get", f"import/{uid}/")
    assert status == 200
    assert "first 6 images" in page
    _status, place, _page = wizard.ask("get", "import/", step="review", all="1", **{"from": uid})
    assert "limit" not in place

    again = wizard.launched(**typed(source))
    run = client.succeeded(again)
    assert run["report"]["import"]["images"] == {"seen": IMAGES, "kept": IMAGES}
    assert (run["progress"]["done"], run["progress"]["total"]) == (IMAGES, IMAGES)
    _status, _place, page = wizard.ask("get", f"import/{again}/")
    versions: list[Any] = client.items("datasets/cells/versions/")
    assert [v["run"] for v in versions] == [again, uid]
    assert versions[0]["n_records"] == IMAGES
    assert versions[0]["n_rejects"] == 1
    for told in ("cells", "Rejects by reason", "T002_b", "No image and no ticket"):
        assert told in page, told
    records = client.items(f"datasets/cells/versions/{versions[0]['number']}/records/")
    splits: dict[str, set[str]] = {}
    for record in records:
        splits.setdefault(record["id"][:4], set()).add(record["split"])
    assert len(splits) == IMAGES // 2
    assert all(len(found) == 1 for found in splits.values()), "a ticket is in one split"


@pytest.mark.slow
def test_too_many_rejects_fail_with_cause_and_log(
    wizard: Wizard, client: Client, source: Path
) -> None:
    uid = wizard.launched(**typed(source, dataset_name="strict", max_reject_share="0"))
    run = client.finished(uid)
    assert (run["state"], run["reason"]) == ("failed", "data")
    _status, _place, page = wizard.ask("get", f"import/{uid}/")
    for told in ("are rejected (allowed 0.00%)", "geometry.empty", "T002_b.xml", "rejects.jsonl"):
        assert told in page, told
    assert "Change and try again" in page
    assert "Last lines of the log" in page
    _status, place, _page = wizard.ask("get", "import/", step="data", **{"from": uid})
    assert "max_reject_share=0" in place


@pytest.mark.slow
def test_a_folder_outside_the_roots_is_refused_with_the_hint(
    wizard: Wizard, client: Client
) -> None:
    uid = wizard.launched(**typed(Path("/etc"), dataset_name="outside"))
    client.finished(uid)
    _status, _place, page = wizard.ask("get", f"import/{uid}/")
    assert "outside the folders that this host allows" in html.unescape(page)
    assert "GATEHOUSE_ALLOWED_ROOTS" in page
