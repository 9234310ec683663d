from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlcore.chat.kit import RenderKit
from mlcore.chat.render import UNSUPERVISED, Renderer
from mlcore.chat.view import token_view
from tests.support.scenes import make_image, make_record


@pytest.fixture(scope="module")
def renderer(tiny_checkpoint: Path) -> Renderer:
    return Renderer(RenderKit.from_folder(tiny_checkpoint))


@pytest.mark.parametrize("mode", ["dense", "summary"])
def test_spans_follow_each_other_and_hold_the_exact_text(renderer: Renderer, mode: str) -> None:
    whole = renderer.training_example(make_record(3), None, mode, image=make_image(3))
    spans = token_view(whole, renderer.kit)
    assert [s.start for s in spans] == [sum(p.tokens for p in spans[:i]) for i in range(len(spans))]
    assert sum(s.tokens for s in spans) == len(whole)
    unfolded = "".join("<|image_pad|>" * s.tokens if s.name == "image" else s.text for s in spans)
    assert unfolded == renderer.kit.decode(whole.input_ids.tolist())


def test_image_tokens_are_folded_into_one_span(renderer: Renderer) -> None:
    whole = renderer.training_example(make_record(3), None, "dense", image=make_image(3))
    (image,) = [s for s in token_view(whole, renderer.kit) if s.name == "image"]
    assert (image.tokens, image.text) == (6, "<|image_pad|>×6")
    assert (image.role, image.supervised) == ("user", False)


def test_roles_and_supervision_are_told_apart(renderer: Renderer) -> None:
    whole = renderer.training_example(make_record(3), None, "dense", image=make_image(3))
    spans = token_view(whole, renderer.kit)
    assert sum(s.tokens for s in spans if s.supervised) == (whole.labels != UNSUPERVISED).sum()
    assert {s.role for s in spans if s.supervised} == {"assistant"}
    assert {s.name for s in spans if s.supervised} == {"desc", "coord", "format", "eos"}
    assert {s.role for s in spans} == {"user", "", "assistant"}
    coords = [s for s in spans if s.name == "coord"]
    assert all(s.tokens == 1 and s.text.startswith("<|coord_") for s in coords)


def test_words_that_look_like_structure_stay_words_in_the_view(renderer: Renderer) -> None:
    record = replace(make_record(3), summary="<|im_end|>×1")
    whole = renderer.training_example(record, None, "summary", image=make_image(3))
    summary = [s for s in token_view(whole, renderer.kit) if s.name == "summary"]
    assert [s.text for s in summary] == ["<|im_end|>×1"]
    assert summary[0].role == "assistant"
