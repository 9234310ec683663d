"""Every prompt word for word: golden files under tests/golden/prompts (UPDATE_GOLDEN=1)."""
from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from mlcore.chat.config import MessagesConfig
from mlcore.chat.prompts import (
    MODES,
    NEEDS_DOMAIN,
    PROFILE_MODES,
    PROFILES,
    PromptChoice,
    profile_prompt,
)
from mlcore.contract.domains import CATEGORIES, DOMAINS, MISSIONS
from mlcore.coordjson.format import AnswerFormat
from mlcore.errors import ConfigError
from mlcore.geometry.order import POLICIES

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "prompts"


def cases() -> dict[str, tuple[MessagesConfig, str]]:
    """Every profile, task and domain, and each choice that changes words, by file name."""
    found: dict[str, tuple[MessagesConfig, str]] = {}
    for profile in PROFILES:
        for mode in PROFILE_MODES[profile]:
            for domain in DOMAINS if profile in NEEDS_DOMAIN else (None,):
                name = "-".join(filter(None, [profile, mode, domain]))
                found[name] = (MessagesConfig(profile=profile, domain=domain), mode)
    for number, (mission, domain) in enumerate(MISSIONS.items(), start=1):
        config = MessagesConfig(profile="summary_runtime", domain=domain, mission=mission)
        found[f"summary_runtime-summary-{domain}-mission{number}"] = (config, "summary")
    for policy in POLICIES:
        config = MessagesConfig(profile="dense", domain="bbu", object_order=policy)
        found[f"dense-dense-bbu-{policy}"] = (config, "dense")
    for norm in ("none", "norm100", "norm1000"):
        answer = AnswerFormat(grammar="objectjson", emit_norm=norm)
        config = MessagesConfig(profile="dense", domain="rru", answer=answer)
        found[f"dense-dense-rru-objectjson-{norm}"] = (config, "dense")
    turned = AnswerFormat(field_order="geometry_first")
    found["dense-dense-bbu-geometry_first"] = (
        MessagesConfig(profile="dense", domain="bbu", answer=turned), "dense")
    prefix = "<DOMAIN={domain}>, <TASK={task}>"
    found["dense-dense-bbu-prefix"] = (
        MessagesConfig(profile="dense", domain="bbu", assistant_prefix=prefix), "dense")
    found["summary_train_min-summary-prefix-json"] = (
        MessagesConfig(profile="summary_train_min", domain="bbu", summary_form="json",
                       assistant_prefix=prefix), "summary")
    return found


CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_a_prompt_is_word_for_word_the_golden_one(name: str) -> None:
    config, mode = CASES[name]
    prompt = config.prompt(mode)
    text = f"[system]\n{prompt.system}\n[user]\n{prompt.user}\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, (
        "a prompt changed: models trained with it must be trained again; if on purpose, "
        "UPDATE_GOLDEN=1 pytest this file, and commit"
    )


def test_no_golden_prompt_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CASES)


def test_the_words_that_the_base_checkpoint_knows_never_change() -> None:
    config = MessagesConfig()
    assert config.prompt("dense").user == "列出图中所有对象及其坐标。"
    assert config.prompt("summary").user == "汇总图中所有对象。"
    assert config.prompt("dense").system == ""
    detection = MessagesConfig(profile="detection").prompt("dense")
    assert detection.user == "List every object in the image with its coordinates."


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_dense_prompt_names_every_category_and_attribute_of_its_domain_only(domain: str) -> None:
    text = MessagesConfig(profile="dense", domain=domain).prompt("dense").system
    hint = next(line for line in text.split("\n") if line.startswith("类别（"))
    for name, keys in CATEGORIES[domain].items():
        assert name in hint
        assert all(key in hint for key in keys)
    other = CATEGORIES["rru" if domain == "bbu" else "bbu"]
    assert not [name for name in other if name in hint and name not in CATEGORIES[domain]]


def test_minimal_summary_words_know_no_domain_and_no_mission() -> None:
    text = str(MessagesConfig(profile="summary_train_min", domain="bbu").prompt("summary"))
    assert not [name for name in ("BBU", "RRU", "挡风板", "尾纤") if name in text]


def test_a_profile_without_the_task_says_which_have_it() -> None:
    with pytest.raises(ConfigError, match="no prompt for the task summary") as caught:
        MessagesConfig(profile="dense", domain="bbu").prompt("summary")
    assert "summary_runtime" in caught.value.hint


def test_an_unknown_profile_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="'inspektion'") as caught:
        profile_prompt("inspektion", "dense", PromptChoice(AnswerFormat()))
    assert "'inspection'" in caught.value.hint


def test_a_missing_domain_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs a domain"):
        profile_prompt("summary_runtime", "summary", PromptChoice(AnswerFormat()))


def test_own_words_win_over_the_profile() -> None:
    config = MessagesConfig(system="只看左边。", user="有什么？")
    for mode in MODES:
        assert (config.prompt(mode).system, config.prompt(mode).user) == ("只看左边。", "有什么？")
    half = MessagesConfig(profile="summary_train_min", system="")
    assert half.prompt("summary").system == ""
    assert half.prompt("summary").user == "汇总这张图片。"
    chat = MessagesConfig(profile="chat", user="What is this?")
    assert chat.modes == MODES
    assert chat.prompt("dense").user == "What is this?"


def test_a_second_profile_may_ask_for_summaries() -> None:
    config = MessagesConfig(profile="dense", domain="rru", summary_profile="summary_train_min")
    assert config.modes == MODES
    alone = MessagesConfig(profile="summary_train_min")
    assert config.prompt("summary") == alone.prompt("summary")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"profile": "dense"}, "needs a domain"),
        ({"profile": "summary_runtime"}, "needs a domain"),
        ({"profile": "poetry"}, "'dense'"),
        ({"summary_profile": "summary_train_min"}, "does nothing"),
        ({"mission": "挡风板安装检查"}, "does nothing"),
        ({"profile": "summary_runtime", "domain": "bbu", "mission": "挡风版安装检查"},
         "Did you mean '挡风板安装检查'"),
        ({"profile": "summary_runtime", "domain": "rru", "mission": "挡风板安装检查"}, "of bbu"),
        ({"assistant_prefix": "<TASK={task}>"}, "must hold"),
        ({"assistant_prefix": "<{domain}>", "domain": "bbu"}, "must hold"),
        ({"assistant_prefix": "<{task}>\n<{dataset}>"}, "one line"),
        ({"assistant_prefix": "<{task}>\u2028<{dataset}>"}, "one line"),
        ({"assistant_prefix": " "}, "one line"),
        ({"assistant_prefix": "<{task}, {dataset}, {user}>"}, "means nothing"),
        ({"assistant_prefix": "<{task!r}, {dataset}>"}, "no format"),
        ({"assistant_prefix": "<{task}, {dataset>"}, "expected '}'"),
        ({"assistant_prefix": "<{task}, {domain}>"}, "domain is empty"),
        ({"user": ""}, "at least 1"),
        ({"system_prompt": "x"}, "extra"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        MessagesConfig(**settings)
    assert message.lower() in str(caught.value).lower()


def test_the_line_before_an_answer_names_task_domain_and_dataset() -> None:
    config = MessagesConfig(domain="rru", assistant_prefix="<DOMAIN={domain}>, <TASK={task}>")
    assert config.prefix("dense", "") == "<DOMAIN=RRU>, <TASK=DETECTION>\n"
    assert config.prefix("summary", "") == "<DOMAIN=RRU>, <TASK=SUMMARY>\n"
    named = MessagesConfig(assistant_prefix="{dataset} {task}")
    assert named.prefix("dense", "cabinets") == "cabinets DETECTION\n"
    assert MessagesConfig().prefix("dense", "cabinets") == ""
    with pytest.raises(ConfigError, match="no name"):
        named.prefix("dense", "")
