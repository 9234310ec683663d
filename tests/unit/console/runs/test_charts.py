"""Which metrics are drawn together."""

from __future__ import annotations

from console.runs.charts import sections


def drawn(*keys: str) -> dict[str, list[tuple[str, list[str]]]]:
    found = sections((key, 1.0) for key in keys)
    return {
        section["title"]: [
            (chart.title, [line["label"] for line in chart.lines]) for chart in section["charts"]
        ]
        for section in found
    }


def test_the_parts_of_a_loss_share_a_chart_and_the_whole_has_its_own() -> None:
    assert drawn("train/loss_coord", "train/loss", "train/loss_text") == {
        "Training": [("loss", ["loss"]), ("loss by part", ["loss_coord", "loss_text"])]
    }


def test_the_datasets_of_a_mixture_are_lines_of_one_chart() -> None:
    assert drawn("train/loss/night", "train/loss/day") == {
        "Training": [("loss by dataset", ["day", "night"])]
    }


def test_token_types_say_dataset_and_type() -> None:
    ((title, labels),) = drawn("eval/day_coord_token_acc", "eval/day_desc_token_acc")[
        "Held-out images"
    ]
    assert title == "token accuracy by type"
    assert labels == ["day · coord", "day · desc"]


def test_what_a_step_waits_for_is_stacked_in_seconds() -> None:
    (section,) = sections([("time/forward_s", 0.1), ("time/data_s", 0.01)])
    (chart,) = section["charts"]
    assert chart.stacked
    assert chart.unit == "s"
    assert [line["label"] for line in chart.lines] == ["data", "forward"]


def test_a_line_alone_keeps_its_own_name_and_others_sections_come_last() -> None:
    assert drawn("custom/thing", "train/loss/day", "plain") == {
        "Training": [("loss/day", ["day"])],
        "custom": [("thing", ["thing"])],
        "": [("plain", ["plain"])],
    }
