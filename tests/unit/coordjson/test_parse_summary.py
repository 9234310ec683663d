"""Reading summaries."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.summaries import json_summary, text_summary
from mlcore.coordjson import CoordJsonError
from mlcore.coordjson.summary import IRRELEVANT, Statistics, parse_statistics, parse_summary
from tests.support.broken import mutations


@given(st.lists(st.sampled_from(["类别=螺丝,符合性=符合", "光纤", "a×b", "2"]), min_size=1))
def test_a_summary_made_from_objects_is_read_as_their_counts(descs: list[str]) -> None:
    assert parse_summary(text_summary(descs)) == {d: descs.count(d) for d in descs}


def test_an_irrelevant_image_has_no_facts() -> None:
    assert parse_summary(IRRELEVANT) == {}


@pytest.mark.parametrize(
    "text",
    ["", "螺丝", "螺丝×", "螺丝×0", "螺丝×02", "螺丝×1，", "，螺丝×1", "×3", " ×3",
     "螺丝×1，螺丝×2", "螺丝×1 ", "螺\n丝×1", "螺丝×1，光纤", "螺丝x1", "螺丝×1234567"],
)
def test_it_refuses(text: str) -> None:
    with pytest.raises(CoordJsonError) as caught:
        parse_summary(text)
    assert 0 <= caught.value.position <= len(text)


@given(st.text(st.sampled_from("螺×，1 0\n\u2028ab")))
def test_no_text_makes_it_raise_anything_else(text: str) -> None:
    try:
        assert all(count > 0 for count in parse_summary(text).values())
    except CoordJsonError as error:
        assert 0 <= error.position <= len(text)


GOOD = (
    '{"统计": [{"类别": "BBU设备", "品牌": {"华为": 2}}, {"类别": "光纤", "保护措施": '
    '{"无保护": 1, "有保护": 3}}], "备注": ["看不清"]}'
)
SCREWS = '{"统计": [{"类别": "螺丝", "符合性": {"不符合": 2, "符合": 1}}]}'


def test_statistics_are_read_as_counts_by_category_key_and_value() -> None:
    assert parse_statistics(GOOD) == Statistics(
        {"BBU设备": {"品牌": {"华为": 2}}, "光纤": {"保护措施": {"无保护": 1, "有保护": 3}}},
        remarks=("看不清",),
    )
    groups = SCREWS[:-1] + ', "分组统计": {"1": 2, "2": 3}}'
    assert parse_statistics(groups).groups == {"1": 2, "2": 3}


def test_the_facts_of_statistics_are_descriptions_with_one_attribute() -> None:
    assert parse_summary(SCREWS) == {
        "类别=螺丝": 1, "类别=螺丝,符合性=不符合": 2, "类别=螺丝,符合性=符合": 1
    }
    assert parse_summary(GOOD)["备注=看不清"] == 1


@pytest.mark.parametrize("domain", ["bbu", "rru"])
def test_what_a_dataset_writes_is_read(domain: str) -> None:
    descs = {
        "bbu": [
            "类别=光纤,保护措施=有保护,保护细节=蛇形管|铠装,备注=弯",
            "类别=标签,文本=A,b",
            "类别=光纤",
        ],
        "rru": ["类别=站点距离,站点距离=35", "类别=尾纤,组=2|10,标签=有标签", "类别=RRU设备"],
    }[domain]
    text = json_summary(descs, domain)  # type: ignore[arg-type]
    found = parse_statistics(text)
    assert set(found.categories) == {desc.split(",")[0].split("=")[1] for desc in descs}
    assert parse_summary(text) == found.facts()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (SCREWS[:-1], "truncated"),
        (SCREWS + "x", "syntax"),
        (SCREWS.replace(", ", ","), "syntax"),
        (SCREWS.replace(": ", ":"), "syntax"),
        (SCREWS + "\n", "syntax"),
        ('{"统计": []}', "syntax"),
        ("{}", "syntax"),
        ('{"统计": {}}', "syntax"),
        ('{"统计": ["螺丝"]}', "not_an_object"),
        ('{"统计": [{"符合性": {"符合": 1}}]}', "missing_desc"),
        (SCREWS.replace('"螺丝"', '" "'), "bad_desc"),
        (SCREWS.replace('"螺丝"', "7"), "bad_desc"),
        (SCREWS.replace("2", "0"), "bad_number"),
        (SCREWS.replace("2", "-2"), "bad_number"),
        (SCREWS.replace("2", "2.0"), "bad_number"),
        (SCREWS.replace("2", "true"), "bad_number"),
        (SCREWS.replace("2", "NaN"), "bad_number"),
        (SCREWS.replace("2", "9" * 5000), "syntax"),
        (SCREWS.replace("不符合", "符合"), "unexpected_keys"),
        (SCREWS[:-1] + ', "异常": []}', "unexpected_keys"),
        (SCREWS[:-1] + ', "备注": []}', "syntax"),
        (SCREWS[:-1] + ', "备注": ["a", "a"]}', "unexpected_keys"),
        (SCREWS[:-1] + ', "备注": ["a\\nb"]}', "bad_desc"),
        ('{"备注": ["a"], ' + SCREWS[1:], "order_violation"),
        ('{"统计": [{"类别": "b"}, {"类别": "a"}]}', "order_violation"),
        ('{"统计": [{"类别": "a"}, {"类别": "站点距离"}]}', "order_violation"),
        ('{"统计": [{"类别": "a"}, {"类别": "a"}]}', "unexpected_keys"),
        ('{"统计": [{"类别": "a", "y": {"v": 1}, "x": {"v": 1}}]}', "order_violation"),
        ('{"统计": ' + "[" * 100_000, "syntax"),
    ],
)
def test_statistics_are_refused(text: str, rule: str) -> None:
    with pytest.raises(CoordJsonError) as caught:
        parse_summary(text)
    assert caught.value.rule == rule
    assert 0 <= caught.value.position <= len(text)


SIGNS = ["{", "}", "[", "]", '"', ",", " ", "1", "\\", "×"]


@given(mutations(st.sampled_from([GOOD, SCREWS]), SIGNS))
def test_no_broken_statistics_make_it_raise_anything_else(text: str) -> None:
    try:
        parse_summary(text)
    except CoordJsonError as error:
        assert 0 <= error.position <= len(text)
