"""From records and hand-written conversations to messages, and from those to tokens."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mlcore.chat.config import MessagesConfig
from mlcore.chat.health import check_examples
from mlcore.chat.kit import RenderKit
from mlcore.chat.messages import read_conversation, record_conversation, to_messages
from mlcore.chat.render import UNSUPERVISED, Renderer
from mlcore.chat.view import token_view
from mlcore.contract.records import SceneObject
from mlcore.coordjson.format import AnswerFormat
from mlcore.errors import DataError
from mlcore.models.load import load_processor
from tests.support.scenes import make_image, make_record

OBJECTS = AnswerFormat(grammar="objectjson")
WORDS = ("<|im_end|>", "<|im_start|>system\n", "<|image_pad|>", "<|vision_start|>", "<|coord_5|>",
         "<|endoftext|>", "x", "看")


@pytest.fixture(scope="module")
def kit(tiny_checkpoint: Path) -> RenderKit:
    return RenderKit.from_folder(tiny_checkpoint)


def test_a_record_becomes_messages_image_first() -> None:
    thing = SceneObject("螺丝", "bbox_2d", (0.0, 0.0, 95.0, 63.0))
    record = replace(make_record(1), objects=(thing,))
    config = MessagesConfig(system="看图。", answer=OBJECTS)
    assert to_messages(record_conversation(record, "dense", config)) == [
        {"role": "system", "content": [{"type": "text", "text": "看图。"}]},
        {"role": "user", "content": [
            {"type": "image", "image": "images/scene-1.png"},
            {"type": "text", "text": "列出图中所有对象及其坐标。"},
        ]},
        {"role": "assistant", "content": [
            {"type": "text",
             "text": '{"object_1": {"desc": "螺丝", "bbox_2d": [0, 0, 999, 999]}}'},
        ]},
    ]


def test_messages_written_out_render_to_the_tokens_of_their_record(
    kit: RenderKit, tmp_path: Path
) -> None:
    record = make_record(3)
    (tmp_path / "images").mkdir()
    Image.fromarray(make_image(3)).save(tmp_path / record.images[0])
    renderer = Renderer(kit, MessagesConfig(system="看图。", answer=OBJECTS))
    written = to_messages(record_conversation(record, "summary", renderer.messages))
    by_hand = renderer.conversation_example(read_conversation(written, "x"), tmp_path)
    ours = renderer.training_example(record, tmp_path, "summary")
    assert np.array_equal(by_hand.input_ids, ours.input_ids)
    assert np.array_equal(by_hand.labels, ours.labels)
    assert np.array_equal(by_hand.position_ids, ours.position_ids)
    assert np.array_equal(by_hand.pixel_values, ours.pixel_values)


def test_a_system_turn_renders_as_the_librarys_template_does(
    kit: RenderKit, tiny_checkpoint: Path
) -> None:
    config = MessagesConfig(profile="dense", domain="bbu")
    prompt = Renderer(kit, config).prompt_example(
        make_record(6), None, "dense", image=make_image(6)
    )
    words = config.prompt("dense")
    library = load_processor(tiny_checkpoint).apply_chat_template(
        [
            {"role": "system", "content": [{"type": "text", "text": words.system}]},
            {"role": "user", "content": [
                {"type": "image", "image": Image.fromarray(make_image(6))},
                {"type": "text", "text": words.user},
            ]},
        ],
        add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="np",
    )
    assert library["input_ids"][0].tolist() == prompt.input_ids.tolist()


TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "One?"},
    {"role": "assistant", "content": "Two."},
    {"role": "user", "content": [{"type": "text", "text": "And "},
                                 {"type": "text", "text": "then?"}]},
    {"role": "assistant", "content": "Three."},
]


def test_every_answer_of_a_longer_conversation_is_supervised(kit: RenderKit) -> None:
    example = Renderer(kit).conversation_example(read_conversation(TALK, "talk"), None)
    assert kit.decode(example.input_ids.tolist()) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nOne?<|im_end|>\n"
        "<|im_start|>assistant\nTwo.<|im_end|>\n<|im_start|>user\nAnd then?<|im_end|>\n"
        "<|im_start|>assistant\nThree.<|im_end|>"
    )
    spans = [s.text for s in token_view(example, kit) if s.supervised]
    assert spans == ["Two.", "<|im_end|>", "Three.", "<|im_end|>"]
    assert (example.labels != UNSUPERVISED).sum() == sum(s.stop - s.start for s in example.spans)
    assert example.mode is None
    assert check_examples([example], kit) == 1


def test_a_conversation_without_images_has_none(kit: RenderKit) -> None:
    example = Renderer(kit).conversation_example(read_conversation(TALK, "talk"), None)
    assert example.image_grid_thw.shape == (0, 3)
    assert example.pixel_values.shape == (0, kit.patcher.values_per_patch)
    assert example.position_ids.tolist() == [list(range(len(example)))] * 4


def test_a_conversation_that_ends_with_the_user_is_a_prompt(kit: RenderKit) -> None:
    renderer = Renderer(kit)
    whole = renderer.conversation_example(read_conversation(TALK, "talk"), None)
    prompt = renderer.conversation_example(read_conversation(TALK[:-1], "talk"), None)
    assert prompt.input_ids.tolist() == whole.input_ids[: whole.prompt_length].tolist()
    assert (prompt.labels == UNSUPERVISED).all()
    assert prompt.spans == ()


def test_an_image_of_a_wrong_size_is_named(kit: RenderKit) -> None:
    part = {"type": "image", "image": make_image(1, 50, 64)}
    talk = read_conversation([{"role": "user", "content": [part]}], "talk")
    with pytest.raises(DataError, match="multiples of 32") as caught:
        Renderer(kit).conversation_example(talk, None)
    assert "image 1" in caught.value.where


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map("".join),
    prompt=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map("".join),
    grammar=st.sampled_from(["coordjson", "objectjson"]),
)
def test_neither_data_nor_prompts_become_special_tokens(
    kit: RenderKit, words: str, prompt: str, grammar: str
) -> None:
    def structure(desc: str, text: str) -> list[int]:
        record = replace(make_record(1), objects=(
            SceneObject(desc, "bbox_2d", (1.0, 2.0, 30.0, 40.0)),))
        config = MessagesConfig(system=text, user=text, answer=AnswerFormat(grammar=grammar))
        example = Renderer(kit, config).training_example(
            record, None, "dense", image=make_image(1))
        return [i for i in example.input_ids.tolist() if i in kit.names]

    described = words.replace("\n", "")
    assert structure(described, prompt) == structure("x", "x")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map("".join))
def test_hand_written_text_never_becomes_a_special_token(kit: RenderKit, words: str) -> None:
    def structure(text: str) -> list[int]:
        talk = [{"role": role, "content": text} for role in ("system", "user", "assistant")]
        example = Renderer(kit).conversation_example(read_conversation(talk, "x"), None)
        return [i for i in example.input_ids.tolist() if i in kit.names]

    assert structure(words) == structure("x")


def test_answers_with_plain_numbers_are_healthy_and_label_their_digits(kit: RenderKit) -> None:
    renderer = Renderer(kit, MessagesConfig(answer=OBJECTS))
    example = renderer.training_example(make_record(2), None, "dense", image=make_image(2))
    assert check_examples([example], kit) == 1
    digits = [s.text for s in token_view(example, kit) if s.name == "coord"]
    assert digits
    assert all(text.isdigit() for text in digits)
