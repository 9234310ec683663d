"""Server time of everything that looks through a dataset of 100,000 images, and what it costs to
register one: time, memory, and how long the database cannot be written to by others."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlsplit

import pytest

from tests.bench.figures import Figures, median, percentile
from tests.support.stack import Stack, running

COUNT = 100_000
VISITS = 60
SEED = f"""
import json, resource, sys, threading, time
from django.db import connection, transaction
from django.test import Client
from console.accounts.models import Project, User
from console.catalog.services import register_output
from tests.support.many import upload_many
from tests.support.outputs import FakeRun

project, user = Project.objects.get(slug="demo"), User.objects.get()
User.objects.update(must_change_password=False)
waits, done = [], threading.Event()

def writer():
    # Somebody else's small write every 50 ms: how long does it wait for the lock?
    while not done.is_set():
        began = time.perf_counter()
        with transaction.atomic():
            Project.objects.filter(pk=project.pk).update(description=str(began))
        waits.append(time.perf_counter() - began)
        time.sleep(0.05)
    connection.close()

told = {{"register_s": [], "cpu_s": []}}
for changed in (0, 2000):
    up = upload_many({COUNT}, changed=changed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done.clear()
    other = threading.Thread(target=writer)
    other.start()
    began, cpu = time.perf_counter(), time.process_time()
    run = FakeRun(f"bench-{{changed}}", "many", project)
    register_output(run, "dataset", "dataset", up.digest, up.files, {{}})
    told["register_s"].append(time.perf_counter() - began)
    told["cpu_s"].append(time.process_time() - cpu)
    done.set()
    other.join()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told.setdefault("grown_mb", []).append((after - before) / 1024)
told["waits_ms"] = sorted(1000 * wait for wait in waits)
client = Client()
client.force_login(user)
print(json.dumps({{**told, "session": client.cookies["gatehouse_session"].value}}))
"""
API = "/api/v1/projects/demo/datasets/many/versions/2/"
PAGE = "/p/demo/datasets/many/"
FILTERS = [
    "split=val",
    f"class={quote('标签')}",
    f"class={quote('标签')}&class={quote('BBU设备')}&objects=3-8",
    f"attribute={quote('标签|问题=松动')}",
    f"attribute={quote('光纤|符合性=不符合')}&split=train&side=600-1000",
    "negative=%2A&geometry=line",
    "near=1",
    "text=cab-04",
    f"text={quote('松动')}&split=val",
    f"text={quote('螺丝')}",
]
Visit = Callable[[], str]


@pytest.fixture(scope="module")
def large() -> Iterator[tuple[Stack, dict[str, object]]]:
    """A stack with two versions of 100,000 records, and what registering them took."""
    with running() as stack:
        text = stack.manage("shell", "--verbosity=0", "-c", SEED).strip().splitlines()[-1]
        yield stack, json.loads(text)


def visits() -> dict[str, Visit]:
    rng = random.Random(5)
    places = iter(rng.sample(range(COUNT), 5000))
    words = iter(rng.sample(range(10_000), 5000))
    return {
        "grid window, any depth": lambda: f"{API}window/?first={next(places)}&count=60",
        "grid window behind a filter, any depth": lambda: (
            f"{API}window/?{rng.choice(FILTERS)}&first={next(places) // 50}&count=60"
        ),
        "window of a text never asked before": lambda: f"{API}window/?text={next(words)}&count=60",
        "counts of every facet behind a filter": lambda: f"{API}facets/?{rng.choice(FILTERS)}",
        "records by API, behind a filter": lambda: f"{API}records/?{rng.choice(FILTERS)}&limit=50",
        "dataset page": lambda: PAGE,
        "browser page": lambda: f"{PAGE}2/browse/?{rng.choice(FILTERS)}",
        "quality report page": lambda: f"{PAGE}2/report/",
        "rejects page": lambda: f"{PAGE}2/rejects/?rule=image.missing",
        "near-duplicates page": lambda: f"{PAGE}2/near/",
        "version diff page": lambda: (
            f"{PAGE}diff/?from=1&to=2&change={rng.choice(('added', 'removed', 'changed'))}"
        ),
        "version diff by API": lambda: f"{API}diff/records/?against=1&limit=50",
    }


def test_registering_100_000_records(
    large: tuple[Stack, dict[str, object]], figures: Figures
) -> None:
    told = large[1]
    waits = told["waits_ms"]
    assert isinstance(waits, list)
    for name, unit in (("register_s", "s"), ("cpu_s", "s"), ("grown_mb", "MB")):
        values = told[name]
        assert isinstance(values, list)
        figures(f"register {COUNT:,} records, {name.partition('_')[0]}", max(values), unit, 2)
    figures("another writer waits meanwhile, p50", median(waits), "ms", len(waits))
    figures("another writer waits meanwhile, p99", percentile(waits, 99), "ms", len(waits))
    figures("another writer waits meanwhile, longest", waits[-1], "ms", len(waits))


@pytest.mark.parametrize("name", list(visits()))
def test_looking_through_100_000_images(
    large: tuple[Stack, dict[str, object]], figures: Figures, name: str
) -> None:
    stack, told = large
    visit = visits()[name]
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=30)
    headers = {"Cookie": f"gatehouse_session={told['session']}"}
    took, size = [], 0
    for number in range(VISITS + 1):
        began = time.perf_counter()
        path = visit()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        size = len(response.read())
        assert response.status == 200, (path, response.status)
        if number == 0:
            figures(f"{name}, first visit", 1000 * (time.perf_counter() - began), "ms", 1)
        else:
            took.append(1000 * (time.perf_counter() - began))
    figures(f"{name}, {COUNT:,} images, p50", median(took), "ms", len(took))
    figures(f"{name}, {COUNT:,} images, p95", percentile(took, 95), "ms", len(took), "<= 100 ms")
    figures(f"{name}, size", size / 1000, "kB", 1)
