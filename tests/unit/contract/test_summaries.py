from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.domains import CATEGORIES, MISSIONS, validate_mission
from mlcore.contract.records import Record, SceneObject
from mlcore.contract.summaries import (
    IRRELEVANT,
    json_summary,
    resummarise,
    text_summary,
)
from mlcore.coordjson.summary import parse_statistics
from mlcore.errors import ConfigError, DataError

BBU = [
    "类别=BBU安装螺丝,可见性=完整,符合性=不符合,问题=未拧紧|生锈,备注=垫片,左侧",
    "类别=BBU安装螺丝,可见性=部分,符合性=符合",
    "类别=BBU安装螺丝,可见性=完整,符合性=不符合,问题=未拧紧,备注=看不清",
    "类别=电线,捆扎=整齐,备注=看不清",
]
RRU = [
    "类别=尾纤,标签=有标签,套管保护=无套管,组=10",
    "类别=站点距离,站点距离=12",
    "类别=标签,文本=5G-AAU|2,组=2|10",
    "类别=站点距离,站点距离=7",
    "类别=RRU设备",
]


def record(descs: list[str], summary: str | None, **metadata: str) -> Record:
    objects = tuple(SceneObject(d, "bbox_2d", (0.0, 0.0, 9.0, 9.0)) for d in descs)
    return Record("r", ("a.png",), 32, 32, "pixel", objects, summary, metadata)


def test_the_text_form_counts_descriptions_shortest_first() -> None:
    assert text_summary(["bb", "a", "bb", "cc", "a", "a"]) == "a×3，bb×2，cc×1"
    assert text_summary([]) == ""


def test_the_json_form_of_a_bbu_image_is_one_exact_line() -> None:
    assert json_summary(BBU[1:], "bbu") == (
        '{"统计": [{"类别": "BBU安装螺丝", "可见性": {"完整": 1, "部分": 1}, '
        '"符合性": {"不符合": 1, "符合": 1}, "问题": {"未拧紧": 1}}, '
        '{"类别": "电线", "捆扎": {"整齐": 1}}], "备注": ["看不清"]}'
    )


def test_the_json_form_of_an_rru_image_starts_with_distances_and_ends_with_groups() -> None:
    assert json_summary(RRU, "rru") == (
        '{"统计": [{"类别": "站点距离", "站点距离": {"7": 1, "12": 1}}, {"类别": "RRU设备"}, '
        '{"类别": "尾纤", "套管保护": {"无套管": 1}, "标签": {"有标签": 1}, "组": {"10": 1}}, '
        '{"类别": "标签", "文本": {"5G-AAU|2": 1}, "组": {"2": 1, "10": 1}}], '
        '"分组统计": {"2": 1, "10": 2}}'
    )


def test_several_values_of_one_key_count_one_each() -> None:
    table = json.loads(json_summary([BBU[0], BBU[2]], "bbu"))["统计"][0]
    assert table["问题"] == {"未拧紧": 2, "生锈": 1}


@pytest.mark.parametrize(
    ("descs", "domain", "message"),
    [
        ([], "bbu", "no object"),
        (["  "], "bbu", "empty"),
        (["可见性=完整"], "bbu", "no 类别"),
        (["光纤"], "bbu", "no 类别"),
        (["类别=尾纤"], "bbu", "no category of bbu"),
        (["类别=BBU设备"], "rru", "no category of rru"),
        (["类别=标签,组=1"], "bbu", "no 组"),
        (["类别=RRU设备,备注=旧"], "rru", "no 备注"),
        (["类别=BBU安装螺丝,符合性=符合|不符合"], "bbu", "both 符合 and 不符合"),
    ],
)
def test_what_cannot_be_summarised_names_the_record(
    descs: list[str], domain: str, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        json_summary(descs, domain, where="scene-7")
    assert caught.value.where == "scene-7"


def test_an_unknown_category_gets_the_nearest_one_as_a_hint() -> None:
    with pytest.raises(DataError) as caught:
        json_summary(["类别=BBU按装螺丝"], "bbu")
    assert "'BBU安装螺丝'" in caught.value.hint


@given(st.lists(st.sampled_from(sorted(CATEGORIES["rru"])), min_size=1, max_size=8), st.randoms())
def test_the_json_form_does_not_depend_on_the_order_of_objects(names, random) -> None:
    descs = [f"类别={name}" for name in names]
    shuffled = list(descs)
    random.shuffle(shuffled)
    assert json_summary(descs, "rru") == json_summary(shuffled, "rru")


@pytest.mark.parametrize(("descs", "domain"), [(BBU, "bbu"), (RRU, "rru")])
def test_the_strict_reader_of_answers_takes_the_json_form(descs: list[str], domain: str) -> None:
    found = parse_statistics(json_summary(descs, domain))
    written = json.loads(json_summary(descs, domain))
    assert list(found.categories) == [row["类别"] for row in written["统计"]]
    assert found.remarks == tuple(written.get("备注", ()))
    assert found.groups == written.get("分组统计", {})


def test_a_summary_is_made_again_in_its_own_form() -> None:
    assert resummarise(record(BBU[:1], text_summary(BBU))) == text_summary(BBU[:1])
    assert resummarise(record(BBU[:2], json_summary(BBU, "bbu"))) == json_summary(BBU[:2], "bbu")
    assert resummarise(record(RRU[1:], json_summary(RRU, "rru"))) == json_summary(RRU[1:], "rru")


def test_labels_alone_are_of_the_family_that_their_metadata_or_groups_name() -> None:
    label = "类别=标签,文本=A"
    plain = json_summary([label], "rru")
    assert resummarise(record([label], plain, domain="rru")) == plain
    grouped = json_summary([label + ",组=1"], "rru")
    assert resummarise(record([label + ",组=1"], grouped)) == grouped


def test_nothing_is_said_of_a_record_without_summary_or_without_objects() -> None:
    assert resummarise(record(BBU, None)) is None
    assert resummarise(record([], text_summary(BBU))) is None
    assert resummarise(record([], json_summary(BBU, "bbu"))) is None


def test_an_irrelevant_image_stays_irrelevant() -> None:
    assert resummarise(record(["dummy"], IRRELEVANT)) == IRRELEVANT


@pytest.mark.parametrize("summary", ["a dog on a sofa", "{}", '{"统计": [{"类别": "猫"}]}'])
def test_a_summary_of_no_known_form_is_refused_by_record(summary: str) -> None:
    with pytest.raises(DataError) as caught:
        resummarise(replace(record(BBU, summary), id="scene-9"))
    assert caught.value.where == "scene-9"


def test_missions_are_known_by_their_full_names() -> None:
    assert len(MISSIONS) == 7
    assert validate_mission("挡风板安装检查") == "挡风板安装检查"
    with pytest.raises(ConfigError) as caught:
        validate_mission("BBU安装方式检查(正装)")
    assert "'BBU安装方式检查（正装）'" in caught.value.hint
