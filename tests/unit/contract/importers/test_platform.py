"""The labelling platform: every raw answer and what it means, every shape, groups and tickets."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mlcore.contract.desc import attributes_of, class_of, is_negative
from mlcore.contract.domains import CATEGORIES, OPPOSITES, Domain
from mlcore.contract.importers.platform import ticket_of
from mlcore.contract.importers.taxonomy import (
    SHIPPED,
    Attribute,
    ClassAnswer,
    ObjectType,
    Reader,
    compact,
    read_taxonomy,
)
from mlcore.contract.pictures import Fault
from mlcore.contract.reader import open_dataset
from mlcore.contract.validate import require_valid
from mlcore.errors import DataError
from tests.support.foreign import bring, put_picture

TAXONOMY = read_taxonomy()
BOX = [[4.0, 5.0], [20.0, 5.0], [20.0, 30.0], [4.0, 30.0], [4.0, 5.0]]
SCREW = {
    "标签": "螺丝、光纤插头",
    "螺丝/插头是否显示完整": "显示完整",
    "这个螺丝/插头是什么种类": "BBU安装螺丝",
    "这个螺丝/插头连接是否符合要求": ["符合要求"],
}


def types() -> list[tuple[Domain, ObjectType]]:
    return [(family, kind) for family, kinds in TAXONOMY.families.items() for kind in kinds]


def reader(family: Domain) -> Reader:
    return Reader(TAXONOMY, family, Counter())


def answers_for(kind: ObjectType) -> dict[str, list[str]]:
    """The label, and the class where an answer tells it."""
    out = {"标签": [kind.names[0]]}
    if isinstance(kind.class_, ClassAnswer):
        out[kind.class_.questions[0]] = ["BBU安装螺丝"]
    return out


def with_parent(kind: ObjectType, attribute: Attribute, raw: str) -> dict[str, list[str]]:
    """Answers that ask for this attribute with this raw text: its parent's value comes with it."""
    out = answers_for(kind)
    name = (attribute.questions or attribute.contents)[0]
    out[name] = [raw]
    if attribute.when and attribute.values[raw]:
        parent = next(a for a in kind.attributes if a.key == attribute.when.key)
        if compact(raw, parent.values) != attribute.when.value:
            fitting = [r for r, v in parent.values.items() if v == attribute.when.value]
            assert name == parent.questions[0]
            out[name] = [f"{fitting[0]}/{raw}"]
    return out


PAIRS = [
    pytest.param(family, kind, attribute, raw, value, id=f"{family}-{attribute.key}-{raw}")
    for family, kind in types()
    for attribute in kind.attributes
    for raw, value in attribute.values.items()
]


@pytest.mark.parametrize(("family", "kind", "attribute", "raw", "value"), PAIRS)
def test_every_raw_answer_becomes_its_compact_value(
    family: Domain, kind: ObjectType, attribute: Attribute, raw: str, value: str
) -> None:
    meant = reader(family).meaning(with_parent(kind, attribute, raw), ())
    assert not isinstance(meant, Fault), meant
    found = attributes_of(meant.desc)
    if value:
        assert found[attribute.key] == value
    else:
        assert attribute.key not in found


@pytest.mark.parametrize(("family", "kind"), types(), ids=lambda v: str(v)[:30])
def test_every_class_answer_tells_a_class_of_the_family(family: Domain, kind: ObjectType) -> None:
    raws = kind.class_.values if isinstance(kind.class_, ClassAnswer) else {"": kind.class_}
    for raw, name in raws.items():
        answers = answers_for(kind)
        if isinstance(kind.class_, ClassAnswer):
            answers[kind.class_.contents[0]] = [raw]
            answers.pop(kind.class_.questions[0])
        meant = reader(family).meaning(answers, ())
        assert not isinstance(meant, Fault), meant
        assert class_of(meant.desc) == name
        assert name in CATEGORIES[family]


def test_every_category_and_key_of_the_families_is_reachable_in_its_order() -> None:
    for family, categories in CATEGORIES.items():
        keys: dict[str, tuple[str, ...]] = {}
        for kind in TAXONOMY.families[family]:
            names = (
                set(kind.class_.values.values())
                if isinstance(kind.class_, ClassAnswer)
                else {kind.class_}
            )
            keys |= dict.fromkeys(names, tuple(a.key for a in kind.attributes))
        wanted = {n: tuple(k for k in ks if k != "组") for n, ks in categories.items()}
        assert keys == wanted


def test_every_bad_value_can_be_said() -> None:
    values = {v for _, kind in types() for a in kind.attributes for v in a.values.values() if v}
    assert {value for pair in OPPOSITES for value in pair} <= values
    assert {"未拧紧", "露铜", "复接", "生锈", "蛇形管", "铠装", "蛇形管+铠装", "不可读"} <= values


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (["不符合要求/未拧紧", "不符合要求/露铜"], {"符合性": "不符合", "问题": "未拧紧|露铜"}),
        (["不符合要求/未拧紧,露铜"], {"符合性": "不符合", "问题": "未拧紧|露铜"}),
        (["符合要求", "不符合要求/生锈"], {"符合性": "不符合", "问题": "生锈"}),
        (["不符合要求"], {"符合性": "不符合"}),
        (["符合要求"], {"符合性": "符合"}),
        (["connect_point_check_false"], {"符合性": "不符合"}),
    ],
)
def test_a_negative_stands_and_brings_its_reason(raw: list[str], wanted: dict[str, str]) -> None:
    answers = {k: v if isinstance(v, list) else [v] for k, v in SCREW.items()}
    answers["这个螺丝/插头连接是否符合要求"] = raw
    meant = reader("bbu").meaning(answers, ())
    assert not isinstance(meant, Fault)
    found = attributes_of(meant.desc)
    assert {k: v for k, v in found.items() if k in ("符合性", "问题")} == wanted
    assert is_negative(meant.desc) == (wanted["符合性"] == "不符合")


def test_the_longest_text_within_an_answer_counts_and_never_the_first() -> None:
    values = {"符合要求": "符合", "不符合要求": "不符合", "nothing": ""}
    assert compact("不符合要求（见备注）", values) == "不符合"
    assert compact("标签", {"标签": "有标签", "没有标签": "无标签"}) == "有标签"
    assert compact("没有标签。", {"标签": "有标签", "没有标签": "无标签"}) == "无标签"
    assert compact("nothing", values) == ""
    assert compact("nothing else", values) is None


def test_an_unknown_answer_is_a_fault_and_not_dropped() -> None:
    answers = {k: v if isinstance(v, list) else [v] for k, v in SCREW.items()}
    answers["这个螺丝/插头连接是否符合要求"] = ["不符合要求/断裂"]
    fault = reader("bbu").meaning(answers, ())
    assert isinstance(fault, Fault)
    assert fault.rule == "platform.value"
    assert "断裂" in fault.message


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ({"请输入标签上的文字内容": "A 1,B"}, {"文本": "A1,B"}),
        ({"请输入标签上的文字内容": "a,b=c"}, {"文本": "a,b＝c"}),
        ({"能否阅读标签上的文字内容": "能/NR-1"}, {"文本": "NR-1"}),
        ({"能否阅读标签上的文字内容": "不能"}, {"可读性": "不可读"}),
        ({"请输入标签上的文字内容": "x", "能否阅读标签上的文字内容": "不能"}, {"可读性": "不可读"}),
        ({"请输入标签上的文字内容": "请按框选范围"}, {}),
    ],
)
def test_the_text_of_a_label_is_kept_or_said_to_be_unreadable(
    answers: dict[str, str], wanted: dict[str, str]
) -> None:
    given = {"标签": ["标签"], **{k: [v] for k, v in answers.items()}}
    meant = reader("bbu").meaning(given, ())
    assert not isinstance(meant, Fault)
    found = attributes_of(meant.desc)
    found.pop("类别", None)
    assert found == wanted


def feature(
    answers: dict[str, Any],
    shape: str = "ExtentPolygon",
    coordinates: Any = BOX,
    groups: list[int] | None = None,
    **geometry: Any,
) -> dict[str, Any]:
    properties = {
        "contentZh": answers,
        "groups": [{"id": g, "name": str(g)} for g in groups or []],
    }
    return {
        "type": "Feature",
        "geometry": {"type": shape, "coordinates": coordinates, **geometry},
        "properties": properties,
    }


def put(root: Path, name: str, features: list[Any], number: int = 0, **changes: Any) -> None:
    put_picture(root / f"{name}.jpeg", number)
    content = {
        "info": {"width": 64, "height": 48, "depth": 3},
        "markResult": {"type": "FeatureCollection", "features": features},
        "qualityResult": {},
        "workload": {},
        **changes,
    }
    (root / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False))


def platform(family: str, **options: Any) -> dict[str, Any]:
    return {"type": "platform", "family": family, **options}


def test_a_picture_becomes_a_record_with_its_ticket_verdict_and_statistics(tmp_path: Path) -> None:
    root = tmp_path / "s"
    wire = {"标签": "电线", "这条电线是否捆扎整齐": "分布散乱"}
    line = [[40.0, 40.0], [10.0, 10.0], [4.0, 3.0]]
    screws = [feature(SCREW), feature(wire, "LineString", line)]
    put(root / "审核不通过", "QC-TEMP-20241206-0015502_1", screws)
    put(root / "审核通过" / "other", "p2", [feature(SCREW)], 1)
    records, rejects, report = bring(root, platform("bbu"), val_share=0.5)
    assert rejects == []
    record = records["QC-TEMP-20241206-0015502_1"]
    assert [(o.desc, o.kind, o.points) for o in record.objects] == [
        ("类别=BBU安装螺丝,可见性=完整,符合性=符合", "bbox_2d", (4, 5, 20, 30)),
        ("类别=电线,捆扎=散乱", "line", (4, 3, 10, 10, 40, 40)),
    ]
    assert record.metadata == {
        "source": "审核不通过/QC-TEMP-20241206-0015502_1.json",
        "domain": "bbu",
        "audit_result": "fail",
        "ticket": "QC-TEMP-20241206-0015502",
    }
    assert records["p2"].metadata["ticket"] == "other"
    assert json.loads(record.summary or "")["统计"][0]["类别"] == "BBU安装螺丝"
    assert report["negatives"]["objects"] == 1
    assert require_valid(open_dataset(tmp_path / "out"), 0).valid == 2


QUAD = [[[4.0, 5.0], [20.0, 8.0], [18.0, 30.0], [3.0, 28.0], [4.0, 5.0]]]


@pytest.mark.parametrize(
    ("shape", "coordinates", "kind"),
    [
        ("ExtentPolygon", BOX, "bbox_2d"),
        ("ExtentPolygon", [BOX], "bbox_2d"),
        *[(s, QUAD, "poly") for s in ("Polygon", "Quad", "Square", "TiltRectangle")],
        *[(s, QUAD, "poly") for s in ("Parallelogram", "Trapezium")],
        ("Quad", QUAD[0], "poly"),
    ],
)
def test_every_listed_shape_is_read(
    tmp_path: Path, shape: str, coordinates: Any, kind: str
) -> None:
    put(tmp_path / "s", "a", [feature(SCREW, shape, coordinates)])
    records, rejects, _ = bring(tmp_path / "s", platform("bbu"))
    assert rejects == []
    assert records["a"].objects[0].kind == kind


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (feature(SCREW, "Point", [4.0, 5.0]), "platform.shape"),
        (feature(SCREW, "Circle", BOX), "platform.shape"),
        (feature(SCREW, "Polygon", QUAD, lineType=["LLCCL"]), "platform.shape"),
        (feature(SCREW, "LineString", BOX), "platform.geometry"),
        (feature(SCREW, "Polygon", [[["a", 1]]]), "source.geometry"),
        (feature(SCREW, "Polygon", []), "source.geometry"),
        (feature({}), "source.label"),
        (feature({"标签": "飞机"}), "source.label"),
        (feature({**SCREW, "这个螺丝/插头是什么种类": "?"}), "platform.value"),
        ({"type": "Feature"}, "source.annotation"),
        (3, "source.annotation"),
    ],
)
def test_a_bad_feature_is_rejected_by_its_place(tmp_path: Path, row: Any, rule: str) -> None:
    put(tmp_path / "s", "a", [feature(SCREW), row])
    records, rejects, _ = bring(tmp_path / "s", platform("bbu"))
    assert len(records["a"].objects) == 1
    assert [(r["path"], r["rule"]) for r in rejects] == [("markResult.features[1]", rule)]


def test_a_group_of_one_rejects_its_picture_and_larger_ones_are_named(tmp_path: Path) -> None:
    root = tmp_path / "s"
    tail = {"标签": "尾纤", "是否带有标签": "没有标签", "尾纤是否进行套管保护": "套管保护"}
    label = {"标签": "标签", "标签内容": "A1"}
    path = [[4.0, 5.0], [30.0, 40.0]]
    both = [
        feature(tail, "LineString", path, [10, 2]),
        feature(label, "Polygon", QUAD, [2, 10]),
    ]
    put(root, "good", both)
    put(root, "bad", [feature(tail, "LineString", path, [1])], 1)
    put(root, "cut", [both[0], feature(label, "Point", [1.0, 1.0], [2, 10])], 2)
    records, rejects, _ = bring(root, platform("rru"))
    assert [o.desc for o in records["good"].objects] == [
        "类别=尾纤,标签=无标签,套管保护=有套管,组=2|10",
        "类别=标签,文本=A1,组=2|10",
    ]
    assert sorted(records) == ["good"]
    assert [r["rule"] for r in rejects if r["path"] == ""] == ["source.group", "source.group"]


def test_bbu_never_names_a_group(tmp_path: Path) -> None:
    put(tmp_path / "s", "a", [feature(SCREW, groups=[1])])
    records, rejects, _ = bring(tmp_path / "s", platform("bbu"))
    assert rejects == []
    assert "组" not in records["a"].objects[0].desc


def test_a_station_distance_is_its_digits(tmp_path: Path) -> None:
    put(tmp_path / "s", "a", [feature({"标签": "站点", "距离": "距离 12米"})])
    put(tmp_path / "s", "b", [feature({"标签": "站点", "距离": "远"})], 1)
    records, rejects, _ = bring(tmp_path / "s", platform("rru"))
    assert records["a"].objects[0].desc == "类别=站点距离,站点距离=12"
    assert [r["rule"] for r in rejects] == ["platform.value"]


def test_the_older_list_has_two_corners(tmp_path: Path) -> None:
    old = [{"coordinates": [[20, 30], [4, 5]], "properties": {"contentZh": SCREW}}]
    put(tmp_path / "s", "a", [], dataList=old)
    records, _, _ = bring(tmp_path / "s", platform("bbu"))
    assert records["a"].objects[0].points == (4, 5, 20, 30)


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    answers = {**SCREW, "有没有别的": "x", "这条光纤是否被遮挡": "有遮挡"}
    answers.pop("螺丝/插头是否显示完整")
    put(tmp_path / "s", "a", [feature(answers)])
    changed = bring(tmp_path / "s", platform("bbu"))[2]["import"]["changed_objects"]
    assert changed == {"question_unknown_有没有别的": 1, "unanswered_可见性": 1}


def test_a_file_that_is_broken_or_alone_is_rejected_by_name(tmp_path: Path) -> None:
    root = tmp_path / "s"
    put(root, "a", [feature(SCREW)])
    put(root, "b", [], 1)
    (root / "b.json").write_text("{")
    (root / "c.json").write_text("{}")
    put_picture(root / "d.jpg", 3)
    records, rejects, _ = bring(root, platform("bbu"))
    assert sorted(records) == ["a"]
    assert [(r["file"], r["rule"]) for r in rejects] == [
        ("b.json", "source.json"),
        ("c.json", "source.image"),
        ("d.jpg", "source.image"),
    ]


@pytest.mark.parametrize(
    ("path", "ticket"),
    [
        ("x/QC-TEMP-20241206-0015502.jpeg", "QC-TEMP-20241206-0015502"),
        ("x/QC-TEMP-20241206-0015502_3.jpeg", "QC-TEMP-20241206-0015502"),
        ("x/QC-20241206-1.jpeg", "x"),
        ("a.jpeg", ""),
    ],
)
def test_the_ticket_is_in_the_name_or_is_the_folder(path: str, ticket: str) -> None:
    assert ticket_of(path) == ticket


def test_another_taxonomy_can_be_given_and_must_be_one(tmp_path: Path) -> None:
    root = tmp_path / "s"
    put(root, "a", [feature({"标签": "猫"})])
    mapping = json.loads(SHIPPED.read_text(encoding="utf-8"))
    mapping["families"]["bbu"][0]["names"].append("猫")
    (root / "map.json").write_text(json.dumps(mapping))
    records, _, _ = bring(root, platform("bbu", taxonomy="map.json"))
    assert class_of(records["a"].objects[0].desc) == "BBU设备"
    (root / "map.json").write_text("{}")
    with pytest.raises(DataError, match="no taxonomy"):
        bring(root, platform("bbu", taxonomy="map.json"), tmp_path / "b")
