"""From a model's words to one line of summary."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.coordjson.errors import CoordJsonError
from mlcore.coordjson.said_summary import said_summary
from mlcore.coordjson.summary import parse_statistics
from mlcore.stage_a.sanitise import sanitised

LINE = (
    '{"统计": [{"类别": "站点距离", "站点距离": {"12": 1}}, '
    '{"类别": "标签", "可读性": {"可读": 2}, "文本": {"A": 1}}], "备注": ["看不清"]}'
)
SHUFFLED = {
    "备注": ["看不清"],
    "统计": [
        {"文本": {"A": 1}, "可读性": {"可读": 2}, "类别": "标签"},
        {"类别": "站点距离", "站点距离": {"12": 1}},
    ],
}


@pytest.mark.parametrize(
    ("said", "text", "form"),
    [
        ("类别=标签×1", "类别=标签×1", "text"),
        (LINE, LINE, "statistics"),
        ("无关图片", "无关图片", "irrelevant"),
        ("无关图片，是一张图纸。", "无关图片", "irrelevant"),
        ("<DOMAIN=BBU>, <TASK=SUMMARY>\n无关图片", "无关图片", "irrelevant"),
        (f"<DOMAIN=RRU>,<TASK=SUMMARY> \n{LINE}", LINE, "statistics"),
        (json.dumps(SHUFFLED, ensure_ascii=False), LINE, "statistics"),
        (f"如下：\n```json\n{json.dumps(SHUFFLED, indent=1)}\n```", LINE, "statistics"),
        (f'{{"统计": [{{"类别": "旧"}}]}}\n{LINE}\n完', LINE, "statistics"),
        (f"{LINE}，以上 }}", LINE, "statistics"),
        ('统计=[{"类别": "标签"}]，备注=["远"]', '{"统计": [{"类别": "标签"}], "备注": ["远"]}',
         "statistics"),
        ('分组统计={"1": 2} 统计：[{"类别": "标签"}]',
         '{"统计": [{"类别": "标签"}], "分组统计": {"1": 2}}', "statistics"),
        ('{"image_1": "类别=标签×1"}', "类别=标签×1", "text"),
        ('{"image_1": "无关图片。"}', "无关图片", "irrelevant"),
        (json.dumps({"image_1": SHUFFLED}, ensure_ascii=False), LINE, "statistics"),
        (json.dumps({"image_1": LINE}, ensure_ascii=False), LINE, "statistics"),
        ("  看到一台\n  设备  ", "看到一台 设备", "free"),
        ('{"image_2": "x"}', '{"image_2": "x"}', "free"),
    ],
)  # fmt: skip
def test_an_answer_becomes_the_summary_in_it(said: str, text: str, form: str) -> None:
    found = sanitised(said)
    assert (found.text, found.form) == (text, form)
    assert found.mended == (said != text)


@pytest.mark.parametrize("said", ["", " \n ", "<DOMAIN=BBU>, <TASK=SUMMARY>", "<TASK=SUMMARY>\n "])
def test_an_answer_that_says_nothing_is_an_error(said: str) -> None:
    with pytest.raises(CoordJsonError, match="empty"):
        sanitised(said)


@pytest.mark.parametrize(
    "said",
    [
        '{"统计": [{"类别": "标签", "数": {"x": 0}}]}',
        '{"统计": [{"类别": "标签"}], "结论": "通过"}',
        '{"统计": ["标签"]}',
        '{"统计": []}',
        '{"统计": [{"类别": "标签"}], "统计": [{"类别": "光纤"}]}',
    ],
)
def test_what_statistics_say_is_never_changed_to_make_them_right(said: str) -> None:
    assert sanitised(said).text == said
    assert sanitised(said).form == "free"


def test_half_characters_never_reach_a_file() -> None:
    for said in (r'{"统计": [{"类别": "\ud800"}]}', r'{"image_1": "\ud800"}'):
        sanitised(said).text.encode()


PARTS = st.sampled_from(
    [
        *'=[]{}":，1\\ \n',
        *(", ", "统计", "备注", "分组统计", "类别", "image_1", "×1", "ud800"),
        *("无关图片", "<TASK=SUMMARY>"),
    ]
)


@given(st.one_of(st.text(), st.lists(PARTS, max_size=40).map("".join)))
def test_any_answer_is_one_line_of_text_or_an_error_and_stays_what_it_became(said: str) -> None:
    try:
        text = said_summary(said)
    except CoordJsonError:
        return
    assert text.strip()
    assert "\n" not in text
    text.encode(
        "utf-8", "surrogatepass" if any("\ud800" <= c <= "\udfff" for c in said) else "strict"
    )
    assert said_summary(text) == text


COUNTS = st.dictionaries(st.sampled_from("甲乙丙"), st.integers(1, 99), min_size=1)
ROWS = st.dictionaries(
    st.sampled_from(["标签", "光纤", "站点距离", "电线"]),
    st.dictionaries(st.sampled_from("可文长"), COUNTS),
    min_size=1,
)


@given(ROWS, st.randoms(use_true_random=False), st.sampled_from([None, 1]))
def test_statistics_in_any_order_become_those_that_the_strict_grammar_takes(
    rows: dict[str, dict[str, dict[str, int]]], random: object, indent: int | None
) -> None:
    listed = [{**keys, "类别": name} for name, keys in rows.items()]
    random.shuffle(listed)  # type: ignore[attr-defined]
    text = said_summary(json.dumps({"统计": listed}, ensure_ascii=False, indent=indent))
    assert parse_statistics(text).categories == rows


@pytest.mark.parametrize("unit", ["{", "[", "统计=[", '{"统计": [', "统计 ", '"', "}", "\n{统计"])
def test_hostile_answers_are_read_in_linear_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    assert said_summary(text)
