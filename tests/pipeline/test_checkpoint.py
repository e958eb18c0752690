"""Tests of the checkpoint folder: saved parts come back, whole or not at all; nothing foreign is loaded."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from dalle.networks.upscaler import Upscaler
from dalle.pipeline import sliders
from dalle.pipeline.checkpoint import CheckpointError
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sliders import Slider
from dalle.prompts.lexicon import Lexicon, Near
from tests.tiny import CAPTIONS, tiny_checkpoint, tiny_model, tiny_pipeline

LEXICON = Lexicon(
    labels=("a red apple", "a cup"),
    words=("apple", "苹果"),
    names={"de": {"apfel": "a red apple"}, "emoji": {"🍎": "a red apple"}},
    thesaurus={"pippin": Near(("a red apple",), "apple.n.01"), "lathe": Near((), "hand")},
)


@pytest.fixture(scope="module")
def pipeline() -> DALLE:
    return tiny_pipeline()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("model") / "checkpoint")


# --- saving and loading


def test_weights_come_back_exactly(pipeline: DALLE, tmp_path: Path) -> None:
    """Guards against keys that are left out, renamed or rounded twice on the way to the disk and back."""
    model = pipeline.model
    digest = pipeline.save_pretrained(tmp_path / "one", card="# A card\n")
    loaded = DALLE.from_pretrained(tmp_path / "one")
    assert loaded.model.digest == digest and loaded.model.config == model.config
    state, expected = loaded.model.state_dict(), model.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name].bfloat16().float()) for name in expected)
    assert torch.equal(loaded.model.tokenizer(CAPTIONS), model.tokenizer(CAPTIONS))
    assert loaded.save_pretrained(tmp_path / "two") == digest
    assert (tmp_path / "one/README.md").read_text() == "# A card\n"
    files = {path.name: path.suffix for path in (tmp_path / "one").iterdir()}
    assert sorted(files) == ["README.md", "config.json", "model.safetensors", "tokenizer.json"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_every_part_comes_back(tmp_path: Path) -> None:
    """Guards against words, sliders, upscaler or card that are lost when a loaded checkpoint is saved."""
    texts = {language: "size" for language in sliders.SLIDER_LANGUAGES}
    DALLE(
        tiny_model(),
        lexicon=LEXICON,
        prompts=["a red apple on the moon"],
        sliders=[Slider(3, texts, texts, texts)],
        upscaler=Upscaler(8, 1),
        card="---\ntags: []\n---\n# A card\n",
    ).save_pretrained(tmp_path / "one")
    loaded = DALLE.from_pretrained(tmp_path / "one", torch.bfloat16)
    assert loaded.lexicon == loaded.reader.lexicon == LEXICON
    assert loaded.prompts == ["a red apple on the moon"]
    assert [slider.index for slider in loaded.sliders] == [3, *range(3), *range(4, 20)]
    assert loaded.upscaler is not None and loaded.upscaler.digest
    assert loaded.card == "---\ntags: []\n---\n# A card\n"
    loaded.save_pretrained(tmp_path / "two")
    DALLE.from_pretrained(tmp_path / "two").save_pretrained(tmp_path / "three")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(names) == 11
    for folder in ("two", "three"):
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == names
    for name in set(names) - {"sliders.json"}:  # which names the other numbers too, once it was loaded
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    for name in names:
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "three" / name).read_bytes(), name


def test_the_digest_depends_on_the_weights_alone(tmp_path: Path) -> None:
    """Guards against links that open with other weights than they were made with."""
    pipeline = tiny_pipeline()
    first = pipeline.save_pretrained(tmp_path / "a")
    assert pipeline.save_pretrained(tmp_path / "b", card="another card") == first
    pipeline.model.tower.temperature += 0.1
    assert pipeline.save_pretrained(tmp_path / "b") != first
    changed, same = (DALLE.from_pretrained(tmp_path / name).model.digest for name in ("b", "a"))
    assert changed != first == same


def test_a_save_that_fails_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a full disk that takes the last good weights with it."""
    pipeline = tiny_pipeline()
    digest = pipeline.save_pretrained(tmp_path / "checkpoint")
    pipeline.model.tower.temperature += 1

    def fail(state: dict, path: Path, header: dict) -> None:
        path.write_bytes(b"half")
        raise safetensors.SafetensorError("No space left on device")

    with (
        monkeypatch.context() as patch,
        pytest.raises(CheckpointError, match=r"could not be .*No space"),
    ):
        patch.setattr(safetensors.torch, "save_file", fail)
        pipeline.save_pretrained(tmp_path / "checkpoint")
    with monkeypatch.context() as patch, pytest.raises(CheckpointError, match="could not be written"):
        patch.setattr(pipeline.model.tokenizer, "save", lambda path: path.joinpath("no/such").write_text(""))
        pipeline.save_pretrained(tmp_path / "checkpoint")
    assert DALLE.from_pretrained(tmp_path / "checkpoint").model.digest == digest
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_a_checkpoint_is_on_the_disk_before_the_old_one_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a power cut that leaves neither."""
    folder, synced, deletions, rmtree = tmp_path / "checkpoint", set(), [], shutil.rmtree
    tiny_pipeline().save_pretrained(folder)

    def delete(path: Path, **options: object) -> None:
        deletions.append((path.name.endswith("-old"), set(synced)))
        rmtree(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda opened: synced.add(os.fstat(opened).st_ino))
        patch.setattr(shutil, "rmtree", delete)
        tiny_pipeline().save_pretrained(folder)
    is_old, synced_before = deletions[0]
    assert is_old
    assert {path.stat().st_ino for path in (*folder.iterdir(), folder, tmp_path)} <= synced_before


def test_a_folder_of_other_things_is_not_replaced(pipeline: DALLE, tmp_path: Path) -> None:
    """Guards against somebody's documents, deleted because a checkpoint was saved there."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CheckpointError, match="holds other things than a checkpoint"):
        pipeline.save_pretrained(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


# --- damaged and foreign folders


def without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def empty(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps({"weights": [1, 2, 3]}))


def saved_by_torch(folder: Path) -> None:
    torch.save({"weights": torch.ones(3)}, folder / "model.safetensors")


def of_another_program(folder: Path) -> None:
    safetensors.torch.save_file({"unet.conv_in.weight": torch.ones(3, 3)}, folder / "model.safetensors")


def one_tensor_less(folder: Path) -> None:
    state = safetensors.torch.load_file(folder / "model.safetensors")
    del state["tower.temperature"]
    safetensors.torch.save_file(state, folder / "model.safetensors")


def one_tensor_more(folder: Path) -> None:
    state = safetensors.torch.load_file(folder / "model.safetensors")
    safetensors.torch.save_file(state | {"more": torch.ones(1)}, folder / "model.safetensors")


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def unknown_config_key(folder: Path) -> None:
    change_config(folder, sampler="euler")


def of_other_sizes(folder: Path) -> None:
    change_config(folder, image_size=64)


def of_odd_sizes(folder: Path) -> None:
    change_config(folder, text={"heads": 0})


def no_json(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\x80\x04\xff")


def foreign_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace("<start>", "[CLS]"))


def empty_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')


DAMAGES = [
    without_tokenizer,
    truncated,
    empty,
    pickled,
    saved_by_torch,
    of_another_program,
    one_tensor_less,
    one_tensor_more,
    unknown_config_key,
    of_other_sizes,
    of_odd_sizes,
    no_json,
    foreign_tokenizer,
    empty_tokenizer,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_checkpoint_is_refused(
    checkpoint: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Guards against a checkpoint that is loaded in part, runs a pickle, or fails with another's message."""
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    DALLE.from_pretrained(folder)
    damage(folder)
    with pytest.raises(CheckpointError, match=r"/copy (is no checkpoint: .*|cannot be read .*)") as error:
        DALLE.from_pretrained(folder)
    assert len(str(error.value)) < 700


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    """Guards against a traceback where a name was mistyped."""
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        DALLE.from_pretrained(tmp_path / "emojy")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.json", "{}"),
        ("words.json", "[1]"),
        ("names.tsv", "de\tApfel\n"),
        ("thesaurus.tsv", "apple"),
        ("prompts.json", "{"),
        ("sliders.json", "[1]"),
        ("upscaler.safetensors", "none"),
    ],
)
def test_a_damaged_part_is_refused(checkpoint: Path, tmp_path: Path, name: str, content: str) -> None:
    """Guards against a damaged file that is ignored, or fails at a user's hands later on."""
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    (folder / name).write_text(content)
    with pytest.raises(CheckpointError, match=name):
        DALLE.from_pretrained(folder)
