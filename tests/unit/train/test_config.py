"""What a config of fine-tuning may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlcore.config.load import load_text
from mlcore.errors import ConfigError
from mlcore.train.config import DdpEngine, SftConfig
from tests.support.training import config_of, sft_config, sft_settings

TEXT = """\
kind: sft
model: {type: scratch}
data: {dataset: "dataset:small@1"}
batch_size: 8
"""


def test_the_least_config_is_one_process_in_full_precision() -> None:
    config = load_text(TEXT, "sft.yaml").model
    assert isinstance(config, SftConfig)
    assert (config.engine.type, config.dtype, config.threads) == ("local", "float32", 1)


@pytest.mark.parametrize(
    ("override", "path"),
    [
        ("engine={type: ddp, processes: 4}", "engine"),
        ("micro_batch=2", "micro_batch"),
        ("dtype=bfloat16", "dtype"),
        ("device=cpu", "device"),
    ],
)
def test_topology_and_number_format_may_be_set_at_launch(override: str, path: str) -> None:
    changed = load_text(TEXT, "sft.yaml", overrides=[override]).model.model_dump()
    assert changed[path] != load_text(TEXT, "sft.yaml").model.model_dump()[path]


@pytest.mark.parametrize("override", ["steps=5", "batch_size=4", "seed=2", "optim.lr=0.1"])
def test_what_decides_the_result_may_not(override: str) -> None:
    with pytest.raises(ConfigError):
        load_text(TEXT, "sft.yaml", overrides=[override])


def test_a_batch_must_divide_over_the_processes(tmp_path: Path) -> None:
    engine: dict[str, Any] = {"type": "ddp", "processes": 3}
    with pytest.raises(ValidationError, match="not a multiple"):
        sft_config(tmp_path, batch_size=8, engine=engine)
    assert sft_config(tmp_path, batch_size=9, engine=engine).engine == DdpEngine(
        type="ddp", processes=3
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"data": {"dataset": "d", "summary_share": 1.5}},
        {"optim": {"lr": -1.0}},
        {"optim": {"schedule": "exponential"}},
        {"coord_loss": {"sigma_end": 0.0}},
        {"engine": {"type": "ddp", "processes": 1}},
        {"learning_rate": 1.0},
    ],
)
def test_senseless_values_and_unknown_keys_are_refused(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        sft_config(tmp_path, **wrong)


def typed(include: list[str] | None, exclude: list[str] | None, enabled: bool = True) -> list[str]:
    """The datasets that token types are told of, of a mixture of two families and a chat set."""
    words = {"domain": "rru"}
    data = {
        "type": "fusion",
        "targets": [
            {"name": "bbu_dense", "dataset": "d"},
            {"name": "Radio", "dataset": "d", "messages": words},
        ],
        "sources": [{"name": "bbux", "dataset": "d", "ratio": 0.1}],
    }
    lists = {"enabled": enabled, "include": include, "exclude": exclude}
    settings = sft_settings(Path("d"), data=data, telemetry={"token_type_metrics": lists})
    return config_of(settings).token_type_labels


@pytest.mark.parametrize(
    ("include", "exclude", "chosen"),
    [
        (None, None, ["bbu_dense", "Radio", "bbux"]),
        (["bbu"], None, ["bbu_dense"]),
        (["BBU_dense", "radio"], None, ["bbu_dense", "Radio"]),
        (["rru", "lvis"], None, ["Radio"]),
        (None, ["bbu", "bbux"], ["Radio"]),
    ],
)
def test_token_types_are_told_of_datasets_by_name_first_word_or_domain(
    include: list[str] | None, exclude: list[str] | None, chosen: list[str]
) -> None:
    assert typed(include, exclude) == chosen
    assert typed(include, exclude, enabled=False) == []


@pytest.mark.parametrize(
    ("include", "exclude", "said"),
    [
        (["lvis"], None, "include chooses no dataset; there are: bbu_dense, Radio, bbux"),
        (None, ["lang_chat"], "exclude chooses no dataset"),
        (["rru"], ["radio"], "excludes every dataset it includes"),
    ],
)
def test_a_list_that_chooses_nothing_is_an_error(
    include: list[str] | None, exclude: list[str] | None, said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        typed(include, exclude)


def test_ranks_that_cut_the_weights_cannot_move_ranks_of_adapters() -> None:
    tuning = {"type": "adalora", "freeze_aligner": False, "warmup": 0.1, "settle": 0.3}
    engine = {"type": "fsdp", "processes": 2}
    with pytest.raises(ValidationError, match="use engine ddp"):
        sft_config(Path("d"), tuning=tuning, engine=engine, steps=100)
