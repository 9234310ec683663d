"""A zip that a person uploads becomes an input of an import, and only of the same project."""
from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from console.accounts.audit import Actor
from console.accounts.models import AuditEntry
from console.catalog import blobs, uploads
from console.catalog.models import Output
from console.catalog.outputs import UnresolvedRefError, resolve_ref
from console.runs import launching
from console.runs.claiming import describe
from console.runs.launching import LaunchRequest
from console.runs.models import Attempt, Run
from tests.support.people import browser

pytestmark = pytest.mark.django_db
URL = "/api/v1/projects/alpha/uploads/"
WIZARD = "/p/alpha/import/"


def zipped(**files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    return made.getvalue()


DATA = zipped(a="1")


def send(client: Any, data: bytes, name: str, media: str = "application/octet-stream") -> Any:
    return client.post(f"{URL}?{urlencode({'name': name})}", data, content_type=media)


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_a_zip_is_kept_under_its_name_and_hash(api: Any, operator: Any, project: Any) -> None:
    answer = send(api(operator), DATA, "Blood cells.ZIP")
    assert answer.status_code == 201
    made = Output.objects.get()
    digest = made.digest[:16]
    assert answer.json() == {
        "ref": f"upload:Blood-cells.zip@{digest}", "name": "Blood-cells.zip",
        "bytes": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest(),
    }
    found = resolve_ref(project, made.ref)
    assert (found.type, found.digest) == ("upload", made.digest)
    assert found.files == [
        {"path": "Blood-cells.zip", "sha256": answer.json()["sha256"], "size": len(DATA)}
    ]
    assert blobs.read_blob(answer.json()["sha256"], 1000) == DATA
    entry = AuditEntry.objects.get(action="upload.add")
    assert (entry.object, entry.detail["bytes"]) == (made.ref, len(DATA))


def test_the_same_file_again_is_the_same_upload(api: Any, operator: Any) -> None:
    first, again = (send(api(operator), DATA, "a.zip").json() for _ in range(2))
    other = send(api(operator), zipped(b="2"), "a.zip").json()
    assert first == again
    assert other["ref"] != first["ref"]
    assert Output.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.json", b"{}", "annotations without pictures"),
        ("a.jsonl", b"{}", "annotations without pictures"),
        ("a.tar.gz", DATA, "Upload a .zip"),
        ("", DATA, "Upload a .zip"),
        ("a.zip", b"no zip at all", "no zip"),
        ("a.zip", DATA[:-30], "its end is missing"),
    ],
    ids=["json", "jsonl", "tar", "nameless", "text", "cut"],
)
def test_what_is_no_zip_is_refused_with_what_to_do(
    name: str, data: bytes, said: str, api: Any, operator: Any, state_dir: Path
) -> None:
    answer = send(api(operator), data, name)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert answer.json()["errors"][0]["parameter"] == "name"
    assert files_in(state_dir) == []
    assert not Output.objects.exists()


def test_names_cannot_lead_anywhere(api: Any, operator: Any) -> None:
    for name in ("../../etc/a.zip", "C:\\x\\a.zip", "..zip", "%00a.zip", "x" * 300 + ".zip"):
        kept = uploads.plain_name(name)
        assert "/" not in kept
        assert not kept.startswith((".", "-"))
        assert len(kept) <= 64
    assert uploads.plain_name("图片 集.zip") == "图片-集.zip"


def test_a_file_over_the_limit_is_refused_before_and_while_it_arrives(
    api: Any, operator: Any, project: Any, settings: Any, state_dir: Path
) -> None:
    settings.MAX_UPLOAD_BYTES = len(DATA) - 1
    answer = send(api(operator), DATA, "a.zip")
    assert answer.status_code == 413
    assert "GATEHOUSE_MAX_UPLOAD_BYTES" in answer.json()["detail"]
    with pytest.raises(uploads.UploadError) as caught:
        uploads.take(Actor.of_user(operator), project, "a.zip", 0, [DATA[:9], DATA])
    assert caught.value.status_code == 413
    assert files_in(state_dir) == []


def test_a_form_is_not_the_bytes_of_a_file(api: Any, operator: Any) -> None:
    answer = send(api(operator), b"a=1", "a.zip", "application/x-www-form-urlencoded")
    assert answer.status_code == 415
    assert "application/octet-stream" in answer.json()["detail"]


def test_only_those_who_may_import_may_upload(api: Any, viewer: Any, client: Any) -> None:
    assert send(api(viewer), DATA, "a.zip").status_code == 403
    assert send(client, DATA, "a.zip").status_code == 401
    assert not Output.objects.exists()


def test_a_browser_uploads_with_its_session_and_csrf_token(operator: Any) -> None:
    client = browser(operator, csrf=True)
    assert send(client, DATA, "a.zip").status_code == 403
    client.get(WIZARD)
    token = client.cookies["gatehouse_csrf"].value
    answer = client.post(
        f"{URL}?name=a.zip", DATA, content_type="application/octet-stream",
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 201
    assert Output.objects.get().files[0]["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_an_import_of_an_upload_is_bound_to_its_bytes(
    api: Any, operator: Any, project: Any
) -> None:
    ref = send(api(operator), DATA, "a.zip").json()["ref"]
    text = f"kind: import\nformat: {{type: voc}}\nsource: {ref}\n"
    run = launching.launch(Actor.of_user(operator), project, LaunchRequest(text=text))
    assert [(row["path"], row["ref"]) for row in run.inputs] == [("source", ref)]
    (binding,) = run.bindings
    assert binding["ref"] == ref
    attempt = Attempt(pk=0, run=run, number=1)
    (told,) = describe(attempt)["bindings"]
    assert told["files"] == Output.objects.get().files
    assert told["digest"] == Output.objects.get().digest


def test_a_path_is_neither_bound_nor_an_input(operator: Any, project: Any) -> None:
    text = "kind: import\nformat: {type: voc}\nsource: /data/bccd\n"
    run = launching.launch(Actor.of_user(operator), project, LaunchRequest(text=text))
    assert (run.inputs, run.bindings) == ([], [])


def test_an_upload_belongs_to_its_project(
    api: Any, operator: Any, foreign_project: Any
) -> None:
    ref = send(api(operator), DATA, "a.zip").json()["ref"]
    with pytest.raises(UnresolvedRefError, match="no such file was uploaded"):
        resolve_ref(foreign_project, ref)


def test_the_wizard_takes_an_upload_as_the_source(api: Any, operator: Any) -> None:
    ref = send(api(operator), DATA, "a.zip").json()["ref"]
    client = browser(operator)
    typed = {"format": "voc", "dataset_name": "cells", "source": ref}
    page = client.get(WIZARD, {"step": "data", **typed})
    assert "data-upload" in page.content.decode()
    assert "unpacked there" in page.content.decode()
    page = client.get(WIZARD, {"step": "review", **typed})
    assert page.status_code == 200
    assert page.context["plan"]["inputs"][0]["ref"] == ref
    answer = client.post(WIZARD, {"text": page.context["text"], "once": "a-key-of-one-form"})
    assert answer.status_code == 302
    assert Run.objects.get().bindings[0]["ref"] == ref


def test_the_wizard_names_an_upload_that_is_not_there(operator: Any) -> None:
    ref = "upload:gone.zip@0123456789abcdef"
    typed = {"format": "voc", "dataset_name": "cells", "source": ref}
    page = browser(operator).get(WIZARD, {"step": "review", **typed})
    assert page.status_code == 422
    assert "Upload it again" in page.content.decode()
