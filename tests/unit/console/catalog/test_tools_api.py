"""Model output read and written over REST, as on the command line."""
from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.django_db
COORD, OBJECT = "/api/v1/tools/coordjson/", "/api/v1/tools/objectjson/"
BOX = '{"desc": "螺丝", "bbox_2d": [<|coord_1|>, <|coord_2|>, <|coord_3|>, <|coord_4|>]}'
ANSWER = f'{{"objects": [{BOX}]}}'
NUMBERED = '{"object_1": {"desc": "螺丝", "bbox_2d": [1, 2, 3, 4]}}'
RECORD = {"desc": "螺丝", "bbox_2d": [1, 2, 3, 4]}
REPORT = {"records": [RECORD], "dropped": {}, "truncated": False}


def ask(client: Any, url: str, **body: Any) -> Any:
    return client.post(url, body, content_type="application/json")


@pytest.mark.parametrize(("url", "text"), [(COORD, ANSWER), (OBJECT, NUMBERED)])
def test_what_is_parsed_is_rendered_again(url: str, text: str, api: Any, viewer: Any) -> None:
    parsed = ask(api(viewer), url + "parse/", text=text)
    assert (parsed.status_code, parsed.json()) == (200, REPORT)
    rendered = ask(api(viewer), url + "render/", records=parsed.json()["records"])
    assert (rendered.status_code, rendered.json()) == (200, {"text": text})


def test_a_refusal_names_position_and_rule(api: Any, viewer: Any) -> None:
    response = ask(api(viewer), COORD + "parse/", text=ANSWER.replace("[<", "[1, <", 1))
    assert response.status_code == 422
    assert response.json()["code"] == "answer"
    (error,) = response.json()["errors"]
    assert (error["pointer"], error["rule"]) == ("/text", "non_coord_token")
    assert error["position"] == ANSWER.index("[<") + 1


@pytest.mark.parametrize(("url", "text"), [(COORD, ANSWER), (OBJECT, NUMBERED)])
def test_salvage_keeps_what_is_right(url: str, text: str, api: Any, viewer: Any) -> None:
    broken = f"  Sure: {text[:-1]}, "
    found = ask(api(viewer), url + "parse/", text=broken, mode="salvage", spans=True).json()
    assert [row["desc"] for row in found["records"]] == ["螺丝"]
    assert found["truncated"] is True
    start, stop = found["records"][0]["span"]
    assert broken[start:stop].startswith('{"desc"')
    assert found["record_end_cuts"] == [stop]


def test_blanks_around_an_answer_are_not_cut_away(api: Any, viewer: Any) -> None:
    found = ask(api(viewer), COORD + "parse/", text=f"  {ANSWER}", spans=True).json()
    assert found["objects_array_open_cut"] == 15


def test_pixels_need_the_size_of_the_image(api: Any, viewer: Any) -> None:
    body = {"text": NUMBERED, "emit_norm": "none"}
    response = ask(api(viewer), OBJECT + "parse/", **body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/emit_norm"
    sized = ask(api(viewer), OBJECT + "parse/", **body, width=64, height=48)
    assert sized.json() == REPORT


def test_a_first_line_is_reported(api: Any, viewer: Any) -> None:
    text = f"<DOMAIN=BBU>, <TASK=DETECTION>\n{NUMBERED}"
    found = ask(api(viewer), OBJECT + "parse/", text=text).json()
    assert found["prefix"] == {"domain": "BBU", "task": "DETECTION"}


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([{"desc": "a"}], "exactly one of"),
        ([RECORD, {"desc": "a", "line": [1, 2, 3]}], "even count"),
        ([{"desc": "a", "line": [1, 2, 3, "4"]}], "records[0].line"),
        ([{"desc": "a", "line": [1, 2, 3, 4], "x": 1}], "records[0].x"),
    ],
)
def test_what_cannot_be_written_is_a_problem(
    records: Any, said: str, api: Any, viewer: Any
) -> None:
    for url in (COORD, OBJECT):
        response = ask(api(viewer), url + "render/", records=records)
        assert response.status_code == 422
        assert said in response.json()["detail"]
        assert response.json()["errors"][0]["pointer"] == "/records"


def test_too_long_a_text_is_refused(api: Any, viewer: Any) -> None:
    response = ask(api(viewer), COORD + "parse/", text="{" * 1_000_001, mode="salvage")
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/text"


def test_a_body_that_is_no_object_is_a_problem(api: Any, viewer: Any) -> None:
    response = api(viewer).post(COORD + "parse/", [1], content_type="application/json")
    assert response.status_code == 422


def test_only_those_who_signed_in_may_ask(client: Any) -> None:
    assert ask(client, COORD + "parse/", text=ANSWER).status_code in (401, 403)
