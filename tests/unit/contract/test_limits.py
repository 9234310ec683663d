"""The cap on picture size is held by record and by file, and nothing is resized to meet it."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import mlcore
from mlcore.contract.limits import check_limits
from mlcore.contract.pictures import Header, header_of
from mlcore.errors import DataError
from tests.support.datasets import encoded, picture, write_dataset

PIXELS = 64 * 48
PACKAGE = Path(mlcore.__file__).parent


def test_images_at_the_cap_pass(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    check_limits(dataset.split("train"), dataset.folder, PIXELS)


def test_a_record_above_the_cap_is_named_with_its_size_and_a_remedy(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    with pytest.raises(DataError) as caught:
        check_limits(dataset.split("train"), dataset.folder, PIXELS - 1)
    assert caught.value.message.startswith("4 images have more than max_pixels, 3,071 pixels")
    assert "r0: 64 x 48 by its record" in caught.value.message
    assert "and 1 more" in caught.value.message
    assert "resize.max_pixels" in caught.value.hint


def test_a_file_above_the_cap_is_found_although_its_record_is_not(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "images" / "r1.jpg").write_bytes(encoded(picture(1, 128, 96)))
    with pytest.raises(DataError, match="is 128 x 96, the record says 64 x 48"):
        check_limits(dataset.split("train"), dataset.folder, PIXELS)


def test_a_file_of_another_size_is_an_error_also_below_the_cap(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "images" / "r2.jpg").write_bytes(encoded(picture(2, 48, 64)))
    with pytest.raises(DataError, match=r"r2: images/r2\.jpg is 48 x 64") as caught:
        check_limits(dataset.split("train"), dataset.folder, PIXELS)
    assert "data validate" in caught.value.hint


def test_a_file_that_is_turned_by_exif_is_an_error(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "images" / "r0.jpg").write_bytes(encoded(picture(0), orientation=3))
    with pytest.raises(DataError, match="EXIF"):
        check_limits(dataset.split("train"), dataset.folder, PIXELS)


def test_missing_and_broken_files_are_left_to_the_count_of_rejects(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "images" / "r0.jpg").unlink()
    (tmp_path / "images" / "r1.jpg").write_bytes(b"")
    check_limits(dataset.split("train"), dataset.folder, PIXELS)


def test_a_header_behind_much_metadata_is_read_too(tmp_path: Path) -> None:
    data = encoded(picture())
    long = b"\xff\xe5\xff\xff" + b"x" * 65533
    (tmp_path / "a.jpg").write_bytes(data[:2] + long * 3 + data[2:])
    header = header_of(tmp_path, "a.jpg")
    assert isinstance(header, Header)
    assert (header.width, header.height) == (64, 48)


def test_records_are_not_held_to_each_other(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    records = [replace(r, objects=()) for r in dataset.split("val")]
    check_limits(iter(records), dataset.folder, PIXELS)


MAY_RESIZE = {
    "contract": "imports resize once, geometry with them; hashes of near-duplicates",
    "augment": "the declared ops of training, geometry with them",
    "stage_a/pictures.py": "photographs of ticket folders, which no import has seen, by its rule",
    "synth": "textures of rendered scenes",
    "evaluate/overlays.py": "pictures for people",
}
RESIZERS = {"resize", "thumbnail", "resized_crop", "pyrDown", "pyrUp", "reduce", "interpolate"}
NOT_IMAGES = {"functools.reduce", "np.interp", "torch.Tensor.resize_"}


def resizes(source: str) -> list[str]:
    """Calls that change a picture's size, by the name of what is called."""
    return [
        name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and (name := ast.unparse(node.func)).rpartition(".")[2] in RESIZERS
        and name not in NOT_IMAGES
    ]


def test_nothing_outside_import_and_augmentation_resizes_a_picture() -> None:
    found = {
        name: calls
        for path in sorted(PACKAGE.rglob("*.py"))
        if (name := path.relative_to(PACKAGE).as_posix())
        and not any(name == place or name.startswith(f"{place}/") for place in MAY_RESIZE)
        and (calls := resizes(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "planted", ["image.resize((3, 3))", "cv2.resize(a, (3, 3))", "F.interpolate(x, size=3)"]
)
def test_a_planted_resize_is_seen(planted: str) -> None:
    assert resizes(planted)


def test_training_meets_the_cap_before_it_builds_a_model(tmp_path: Path) -> None:
    from mlcore.train import job
    from tests.support.training import context, sft_config, write_training_set

    dataset = write_training_set(tmp_path / "set")
    data = {"dataset": str(dataset), "max_pixels": 1024}
    config = sft_config(dataset, tmp_path / "no-such-checkpoint", data=data)
    with pytest.raises(DataError, match="max_pixels"):
        job.run(config, context(tmp_path / "run"))
