from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mlcore.chat.generate import Sampling, generate_batch
from mlcore.chat.kit import RenderKit
from mlcore.chat.render import Renderer, TrainingExample
from mlcore.models.load import load_model, load_processor
from tests.support.scenes import make_image, make_record

SIZES = ((96, 64), (32, 32), (64, 160), (160, 64), (96, 64))


@pytest.fixture(scope="module")
def processor(tiny_checkpoint: Path):
    return load_processor(tiny_checkpoint)


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path):
    """Starting weights scaled up, so that answers differ between images."""
    loaded = load_model(tiny_checkpoint)
    with torch.no_grad():
        for parameter in loaded.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4.0)
    return loaded


@pytest.fixture(scope="module")
def prompts(tiny_checkpoint: Path) -> list[TrainingExample]:
    renderer = Renderer(RenderKit.from_folder(tiny_checkpoint))
    return [
        renderer.prompt_example(
            make_record(n, *size), None, "dense" if n % 2 else "summary",
            image=make_image(n, *size),
        )
        for n, size in enumerate(SIZES)
    ]


def test_a_batch_answers_token_for_token_as_one_by_one(model, processor, prompts) -> None:
    together = generate_batch(model, processor, prompts, 24)
    single = [generate_batch(model, processor, [prompt], 24)[0] for prompt in prompts]
    assert together == single
    assert len({answer.token_ids for answer in single}) > 1, "the answers must tell images apart"


def test_the_order_of_a_batch_does_not_matter(model, processor, prompts) -> None:
    forward = generate_batch(model, processor, prompts, 12)
    backward = generate_batch(model, processor, prompts[::-1], 12)
    assert forward == backward[::-1]


def test_greedy_answers_are_those_of_whole_forward_passes(model, processor, prompts) -> None:
    prompt = prompts[2]
    answer = generate_batch(model, processor, [prompt], 6)[0]
    ids = torch.from_numpy(prompt.input_ids)[None]
    grid = torch.from_numpy(prompt.image_grid_thw)
    pad = processor.image_token_id
    for expected in answer.token_ids:
        with torch.no_grad():
            logits = model(
                input_ids=ids, pixel_values=torch.from_numpy(prompt.pixel_values),
                image_grid_thw=grid, mm_token_type_ids=(ids == pad).int(), use_cache=False,
            ).logits
        following = int(logits[0, -1].argmax())
        assert following == expected
        ids = torch.cat([ids, torch.tensor([[following]])], dim=1)


def closing_model(tiny_checkpoint: Path, token: int):
    """A model that says `token` whatever it sees."""
    loaded = load_model(tiny_checkpoint)
    head = torch.nn.Linear(loaded.lm_head.in_features, loaded.lm_head.out_features)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    with torch.no_grad():
        head.bias[token] = 1.0
    loaded.lm_head = head
    return loaded


def test_an_answer_ends_at_the_closing_token(tiny_checkpoint: Path, processor, prompts) -> None:
    end = processor.tokenizer.convert_tokens_to_ids("<|im_end|>")
    answer = generate_batch(closing_model(tiny_checkpoint, end), processor, prompts[:2], 9)[1]
    assert (answer.text, answer.token_ids, answer.finished) == ("", (), True)
    assert answer.new_tokens == 1


def test_an_answer_cut_by_the_limit_says_so(tiny_checkpoint: Path, processor, prompts) -> None:
    coord = processor.tokenizer.convert_tokens_to_ids("<|coord_7|>")
    answer = generate_batch(closing_model(tiny_checkpoint, coord), processor, prompts[:1], 3)[0]
    assert answer.text == "<|coord_7|>" * 3
    assert (answer.finished, answer.new_tokens) == (False, 3)


def test_sampling_is_fixed_by_its_seed_and_leaves_torchs_stream_alone(
    model, processor, prompts
) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, same, other = (
        generate_batch(model, processor, prompts, 12, Sampling(temperature=5.0, seed=seed))
        for seed in (1, 1, 2)
    )
    assert one == same != other
    assert torch.equal(torch.get_rng_state(), before)


def test_a_sampled_answer_is_the_same_alone_and_in_any_batch(model, processor, prompts) -> None:
    drawn = Sampling(temperature=1.5, top_p=0.8, repetition_penalty=1.2, seed=5)
    together = generate_batch(model, processor, prompts, 16, drawn)
    assert generate_batch(model, processor, prompts[::-1], 16, drawn) == together[::-1]
    assert [generate_batch(model, processor, [p], 16, drawn)[0] for p in prompts] == together
    assert together != generate_batch(model, processor, prompts, 16)
    again = generate_batch(model, processor, prompts[:1], 16, drawn, draws=[1])
    assert again != together[:1], "another draw has other numbers"


def test_probabilities_are_those_of_the_model_whatever_the_temperature(
    model, processor, prompts
) -> None:
    drawn = Sampling(temperature=2.0, top_p=0.9, repetition_penalty=1.5, seed=1)
    answer = generate_batch(model, processor, prompts[:2], 5, drawn)[1]
    assert len(answer.logprobs) == answer.new_tokens
    ids = torch.from_numpy(prompts[1].input_ids)[None]
    for token, logprob in zip(answer.token_ids, answer.logprobs, strict=False):
        with torch.no_grad():
            logits = model(
                input_ids=ids, pixel_values=torch.from_numpy(prompts[1].pixel_values),
                image_grid_thw=torch.from_numpy(prompts[1].image_grid_thw),
                mm_token_type_ids=(ids == processor.image_token_id).int(), use_cache=False,
            ).logits
        assert logprob == pytest.approx(float(logits[0, -1].log_softmax(-1)[token]), abs=1e-4)
        ids = torch.cat([ids, torch.tensor([[token]])], dim=1)


def test_who_listens_hears_every_token_as_it_comes(model, processor, prompts) -> None:
    heard: list[list[int]] = []
    answers = generate_batch(
        model, processor, prompts[:2], 4, listener=lambda row: heard.append(list(row))
    )
    assert [tuple(row) for row in zip(*heard, strict=True)] == [a.token_ids for a in answers]


def test_no_prompts_no_answers(model, processor) -> None:
    assert generate_batch(model, processor, [], 5) == []
