"""Descriptions: key=value grammar, free text, polarity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.desc import attributes_of, class_of, is_negative, make_desc

WORD = st.text(st.characters(blacklist_characters=",=|", categories=("L", "N")), min_size=1)


def test_the_class_is_the_value_of_its_key() -> None:
    assert class_of("类别=BBU安装螺丝,符合性=不符合,问题=未拧紧") == "BBU安装螺丝"


def test_a_description_without_keys_is_its_class() -> None:
    assert class_of("RBC") == "RBC"
    assert attributes_of("RBC") == {}


def test_an_old_hierarchy_gives_its_first_level() -> None:
    assert class_of("光纤/有保护措施,弯曲半径合理/蛇形管") == "光纤"


def test_commas_and_equal_signs_in_a_remark_stay_in_the_remark() -> None:
    assert attributes_of("类别=BBU设备,备注=左侧,挡住,看不清") == {
        "类别": "BBU设备",
        "备注": "左侧,挡住,看不清",
    }


def test_text_without_a_key_becomes_a_remark() -> None:
    assert attributes_of("类别=标签,可读性=可读,旧") == {
        "类别": "标签",
        "可读性": "可读",
        "备注": "旧",
    }


@pytest.mark.parametrize(
    ("desc", "negative"),
    [
        ("类别=BBU安装螺丝,符合性=符合", False),
        ("类别=BBU安装螺丝,符合性=不符合,问题=未拧紧", True),
        ("类别=挡风板,安装方向=方向错误", True),
        ("类别=光纤,保护措施=无保护", True),
        ("类别=光纤,保护措施=有保护", False),
        ("类别=标签,可读性=不可读", True),
        ("类别=标签,可读性=可读", False),
        ("类别=BBU设备,可见性=部分", False),
        ("类别=标签,文本=不合格品", False),
        ("RBC", False),
    ],
)
def test_polarity_follows_the_attributes_and_not_free_text(desc: str, negative: bool) -> None:
    assert is_negative(desc) is negative


@given(WORD, st.dictionaries(WORD.filter(lambda w: w not in ("类别", "备注", "文本")), WORD))
def test_a_made_description_reads_back(name: str, attributes: dict[str, str]) -> None:
    desc = make_desc(name, attributes)
    assert class_of(desc) == name
    assert attributes_of(desc) == {"类别": name, **attributes}


@given(st.text())
def test_any_text_has_a_class_and_attributes(text: str) -> None:
    assert isinstance(class_of(text), str)
    assert all(isinstance(v, str) for v in attributes_of(text).values())
