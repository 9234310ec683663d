"""How one token is chosen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlcore.chat.choose import Chooser, Sampling, row_stream

SHARES = torch.tensor([[0.5, 0.3, 0.15, 0.05]])
NO_WORDS = torch.zeros((1, 0), dtype=torch.int64)


def chosen(sampling: Sampling, times: int, shares: torch.Tensor = SHARES) -> list[int]:
    """One token for each of many records."""
    streams = [row_stream(3, str(record), "dense", 0) for record in range(times)]
    logits = shares.log().expand(times, -1)
    scores = Chooser(sampling, streams, pad=0)(NO_WORDS.expand(times, 0), logits)
    return scores.argmax(dim=-1).tolist()


def test_tokens_come_as_often_as_their_probability() -> None:
    counts = np.bincount(chosen(Sampling(temperature=1.0), 4000), minlength=4) / 4000
    assert counts == pytest.approx(SHARES[0].numpy(), abs=0.03)


def test_a_higher_temperature_evens_them_out() -> None:
    wanted = (SHARES[0] ** 0.5 / (SHARES[0] ** 0.5).sum()).numpy()
    counts = np.bincount(chosen(Sampling(temperature=2.0), 4000), minlength=4) / 4000
    assert counts == pytest.approx(wanted, abs=0.03)


@pytest.mark.parametrize(("top_p", "kept"), [(0.5, {0}), (0.51, {0, 1}), (0.94, {0, 1, 2})])
def test_top_p_keeps_the_fewest_tokens_that_have_it(top_p: float, kept: set[int]) -> None:
    assert set(chosen(Sampling(temperature=1.0, top_p=top_p), 300)) == kept


def test_a_token_of_no_probability_never_comes() -> None:
    shares = torch.tensor([[0.0, 1.0, 0.0, 0.0]])
    assert set(chosen(Sampling(temperature=1.0), 300, shares)) == {1}


def test_the_penalty_is_for_what_was_said_and_padding_was_not() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.9, -1.0]])
    chooser = Chooser(Sampling(repetition_penalty=1.5), [row_stream(0, "a", "", 0)], pad=0)
    said = torch.tensor([[0, 0, 1, 3]])
    assert int(chooser(said, logits).argmax()) == 2
    alone = Chooser(Sampling(repetition_penalty=1.5), [row_stream(0, "a", "", 0)], pad=0)
    assert int(alone(said[:, :2], logits).argmax()) == 1


def test_every_record_task_and_draw_has_numbers_of_its_own() -> None:
    keys = [(1, "a", "dense", 0), (2, "a", "dense", 0), (1, "b", "dense", 0),
            (1, "a", "summary", 0), (1, "a", "dense", 1)]  # fmt: skip
    assert len({row_stream(*key).random() for key in keys}) == len(keys)
    assert row_stream(*keys[0]).random() == row_stream(*keys[0]).random()
