from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mlcore.chat.answers import answer_pieces, coord_objects, desc_fault
from mlcore.chat.config import MessagesConfig
from mlcore.chat.kit import RenderKit
from mlcore.chat.prompts import MODES
from mlcore.chat.render import UNSUPERVISED, Renderer
from mlcore.contract.records import Record, SceneObject
from mlcore.coordjson import parse_strict, render
from mlcore.errors import DataError
from mlcore.models.load import load_model, load_processor
from tests.support.scenes import make_image, make_record

SPECIAL_WORDS = (
    "<|im_end|>", "<|im_start|>", "<|image_pad|>", "<|vision_start|>", "<|vision_end|>",
    "<|video_pad|>", "<|endoftext|>", "<|coord_5|>", "<|coord_999|>", '"', "\\", "类别=", "×", "7",
)


@pytest.fixture(scope="module")
def renderer(tiny_checkpoint: Path) -> Renderer:
    return Renderer(RenderKit.from_folder(tiny_checkpoint))


def example(renderer: Renderer, record: Record, mode: str = "dense"):
    image = make_image(1, record.width, record.height)
    return renderer.training_example(record, None, mode, image=image)


def with_desc(desc: str) -> Record:
    return replace(make_record(1), objects=(SceneObject(desc, "bbox_2d", (1.0, 2.0, 30.0, 40.0)),))


@pytest.mark.parametrize("mode", MODES)
def test_the_prompt_is_exactly_the_start_of_the_training_example(
    renderer: Renderer, mode: str
) -> None:
    record, image = make_record(3), make_image(3)
    whole = renderer.training_example(record, None, mode, image=image)
    prompt = renderer.prompt_example(record, None, mode, image=image)
    size = whole.prompt_length
    assert len(prompt) == size < len(whole)
    assert np.array_equal(prompt.input_ids, whole.input_ids[:size])
    assert np.array_equal(prompt.position_ids, whole.position_ids[:, :size])
    assert np.array_equal(prompt.pixel_values, whole.pixel_values)
    assert np.array_equal(prompt.image_grid_thw, whole.image_grid_thw)
    assert (prompt.labels == UNSUPERVISED).all()
    assert prompt.spans == ()


@pytest.mark.parametrize("mode", MODES)
def test_spans_cover_every_supervised_token_once_and_labels_are_the_ids_themselves(
    renderer: Renderer, mode: str
) -> None:
    whole = example(renderer, make_record(2), mode)
    covered = np.concatenate([np.arange(s.start, s.stop) for s in whole.spans])
    assert covered.tolist() == list(range(whole.prompt_length, len(whole)))
    assert np.array_equal(np.flatnonzero(whole.labels != UNSUPERVISED), covered)
    assert np.array_equal(whole.labels[covered], whole.input_ids[covered])
    assert whole.spans[-1].name == "eos"
    assert whole.input_ids[-1] == renderer.ids.im_end


def test_the_answer_decodes_to_the_coordjson_of_the_record(
    renderer: Renderer, tiny_checkpoint: Path
) -> None:
    record = make_record(5, objects=6)
    whole = example(renderer, record)
    tokenizer = load_processor(tiny_checkpoint).tokenizer
    text = tokenizer.decode(whole.input_ids[whole.prompt_length : -1])
    assert text == render(coord_objects(record))
    assert parse_strict(text) == coord_objects(record)


def test_coordinates_are_one_token_each_with_their_bin(renderer: Renderer) -> None:
    record = make_record(5, objects=6)
    whole = example(renderer, record)
    bins = [
        renderer.coord_ids.index(int(whole.input_ids[span.start]))
        for span in whole.spans if span.name == "coord"
    ]
    assert all(span.stop - span.start == 1 for span in whole.spans if span.name == "coord")
    assert bins == [value for item in coord_objects(record) for value in item.bins]


def test_description_spans_hold_the_descriptions(
    renderer: Renderer, tiny_checkpoint: Path
) -> None:
    record = make_record(8, objects=5)
    whole = example(renderer, record)
    tokenizer = load_processor(tiny_checkpoint).tokenizer
    words = [
        tokenizer.decode(whole.input_ids[span.start : span.stop])
        for span in whole.spans if span.name == "desc"
    ]
    assert words == [item.desc for item in coord_objects(record)]


WORDS = st.one_of(st.sampled_from(SPECIAL_WORDS), st.text(min_size=1, max_size=6))
DESCRIPTIONS = (
    st.lists(WORDS, min_size=1, max_size=6)
    .map("".join)
    .filter(lambda text: not desc_fault(text) and text.isprintable())
)


@settings(max_examples=150, deadline=None)
@given(DESCRIPTIONS)
def test_text_from_data_never_becomes_a_special_token(renderer: Renderer, desc: str) -> None:
    plain = example(renderer, with_desc("x"))
    whole = example(renderer, with_desc(desc))
    added = {*renderer.coord_ids, *vars(renderer.ids).values()}

    def structure(ids: np.ndarray) -> list[int]:
        return [int(i) for i in ids if int(i) in added]

    assert structure(whole.input_ids) == structure(plain.input_ids)
    words = next(span for span in whole.spans if span.name == "desc")
    escaped = json.dumps(desc, ensure_ascii=False)[1:-1]
    pieces = answer_pieces(with_desc(desc), "dense", MessagesConfig())
    assert pieces[1].text == escaped
    assert added.isdisjoint(whole.input_ids[words.start : words.stop].tolist())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(SPECIAL_WORDS), min_size=1, max_size=5).map("".join))
def test_a_summary_never_becomes_a_special_token(renderer: Renderer, summary: str) -> None:
    whole = example(renderer, replace(make_record(1), summary=summary), "summary")
    answer = whole.input_ids[whole.prompt_length : -1].tolist()
    assert {*renderer.coord_ids, *vars(renderer.ids).values()}.isdisjoint(answer)


@pytest.mark.parametrize("size", [(32, 32), (96, 64), (64, 160)])
@pytest.mark.parametrize("mode", MODES)
def test_positions_equal_the_librarys(
    renderer: Renderer, tiny_checkpoint: Path, size: tuple[int, int], mode: str
) -> None:
    model = load_model(tiny_checkpoint)
    whole = example(renderer, make_record(4, *size), mode)
    ids = torch.from_numpy(whole.input_ids)[None]
    library, _ = model.model.get_rope_index(
        ids, mm_token_type_ids=(ids == renderer.ids.image_pad).int(),
        image_grid_thw=torch.from_numpy(whole.image_grid_thw),
    )
    assert np.array_equal(library[:, 0].numpy(), whole.position_ids[1:])
    assert whole.position_ids[0].tolist() == list(range(len(whole)))


def test_positions_of_several_images_equal_the_librarys(
    renderer: Renderer, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    record = replace(make_record(4), images=("a.png", "b.png"))
    for number, name in enumerate(record.images):
        Image.fromarray(make_image(number)).save(tmp_path / name)
    whole = renderer.training_example(record, tmp_path, "dense")
    ids = torch.from_numpy(whole.input_ids)[None]
    library, _ = load_model(tiny_checkpoint).model.get_rope_index(
        ids, mm_token_type_ids=(ids == renderer.ids.image_pad).int(),
        image_grid_thw=torch.from_numpy(whole.image_grid_thw),
    )
    assert np.array_equal(library[:, 0].numpy(), whole.position_ids[1:])


@pytest.mark.parametrize("mode", MODES)
def test_the_prompt_equals_the_librarys_own_chat_template(
    renderer: Renderer, tiny_checkpoint: Path, mode: str
) -> None:
    image = make_image(6)
    prompt = renderer.prompt_example(make_record(6), None, mode, image=image)
    content = [
        {"type": "image", "image": Image.fromarray(image)},
        {"type": "text", "text": renderer.messages.prompt(mode).user},
    ]
    library = load_processor(tiny_checkpoint).apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=True,
        return_dict=True, return_tensors="np",
    )
    assert library["input_ids"][0].tolist() == prompt.input_ids.tolist()
    assert np.array_equal(library["pixel_values"], prompt.pixel_values)


def test_an_image_on_disk_and_in_memory_give_the_same_example(
    renderer: Renderer, tmp_path: Path
) -> None:
    record, image = make_record(7), make_image(7)
    (tmp_path / "images").mkdir()
    Image.fromarray(image).save(tmp_path / record.images[0])
    disk = renderer.training_example(record, tmp_path, "dense")
    memory = renderer.training_example(record, None, "dense", image=image)
    assert np.array_equal(disk.pixel_values, memory.pixel_values)
    assert np.array_equal(disk.input_ids, memory.input_ids)


def test_a_record_that_lies_about_its_size_is_named(renderer: Renderer, tmp_path: Path) -> None:
    record = make_record(7)
    (tmp_path / "images").mkdir()
    Image.fromarray(make_image(7, 64, 64)).save(tmp_path / record.images[0])
    with pytest.raises(DataError, match="64 x 64, its record says 96 x 64") as caught:
        renderer.training_example(record, tmp_path, "dense")
    assert caught.value.where.endswith(record.images[0])


def test_a_record_without_summary_has_no_summary_example(renderer: Renderer) -> None:
    with pytest.raises(DataError, match="no summary"):
        example(renderer, replace(make_record(1), summary=None), "summary")


def test_an_image_without_objects_answers_an_empty_list(
    renderer: Renderer, tiny_checkpoint: Path
) -> None:
    whole = example(renderer, replace(make_record(1), objects=()))
    tokenizer = load_processor(tiny_checkpoint).tokenizer
    assert parse_strict(tokenizer.decode(whole.input_ids[whole.prompt_length : -1])) == []
