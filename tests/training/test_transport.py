"""Laws of what travels between machines: it comes back as it was, or near enough by a stated bound."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dalle.config import PRESETS, VIEW_NUMBERS
from dalle.networks.model import DALLEModel
from dalle.networks.text_encoder import Caption
from dalle.pipeline.dalle import DALLE
from dalle.training import pieces, sprite_pack, transport, weight_pack
from dalle.training.told_numbers import TOLD, with_told_numbers
from tests.tiny import tiny_checkpoint, tiny_model
from tests.tiny_sprites import tiny_sprites


def test_a_file_comes_back_from_its_pieces(tmp_path: Path) -> None:
    """Guards against lost or exchanged bytes at the pieces' ends, and against a missing piece in silence."""
    data = np.random.default_rng(0).bytes(1000)
    (tmp_path / "whole").write_bytes(data)
    parts = pieces.split_file(tmp_path / "whole", tmp_path / "parts", 300)
    assert [part.stat().st_size for part in parts] == [300, 300, 300, 100]
    pieces.join_file(tmp_path / "parts", "whole", tmp_path / "joined")
    assert (tmp_path / "joined").read_bytes() == data
    parts[1].unlink()
    with pytest.raises(ValueError, match="lacks a piece"):
        pieces.join_file(tmp_path / "parts", "whole", tmp_path / "joined")
    with pytest.raises(FileNotFoundError, match="copy the pieces"):
        pieces.join_file(tmp_path, "other", tmp_path / "joined")


def test_eight_bits_keep_weights(tmp_path: Path) -> None:
    """Guards against scales of the wrong rows; vectors must stay exact in bf16."""
    state = {
        "conv": torch.randn(6, 4, 3, 3) * torch.logspace(-3, 3, 6).view(-1, 1, 1, 1),
        "bias": torch.ones(5),
    }
    weight_pack.save_weights(state, tmp_path / "weights")
    back = weight_pack.load_weights(tmp_path / "weights")
    assert back.keys() == state.keys()
    assert torch.equal(back["bias"], state["bias"])
    error = (back["conv"] - state["conv"]).flatten(1).abs().amax(1)
    assert (error <= state["conv"].flatten(1).abs().amax(1) / 127 / 2 + 1e-6).all()


def test_sprites_come_back(tmp_path: Path) -> None:
    """Guards against exchanged drawings and lost alpha; masks and small drawings are exact."""
    sprites = tiny_sprites(tmp_path / "sprites")
    sprite_pack.pack_sprites(sprites, tmp_path / "sprites", tmp_path / "packed")
    back = sprite_pack.unpack_sprites(tmp_path / "packed", tmp_path / "back")
    assert (back.concepts, back.sprites, back.digest) == (sprites.concepts, sprites.sprites, sprites.digest)
    assert np.array_equal(back.masks, sprites.masks)
    assert np.array_equal(back.colour[..., 3], sprites.colour[..., 3])
    visible = sprites.colour[..., 3] > 0
    assert np.array_equal(back.colour[visible], sprites.colour[visible])


def test_told_numbers_do_nothing_before_they_are_trained() -> None:
    """Guards against start weights that draw noise: the learnt numbers must move to the end of the code."""
    model = tiny_model()
    told = with_told_numbers(model).eval()
    assert told.config.flow.learnt == model.config.flow.code - TOLD
    assert with_told_numbers(told) is told
    caption = _captions(model, ["a dog", "a red apple"])
    old, new = torch.zeros(2, 20), torch.randn(2, 20)
    old[:, : 20 - TOLD] = new[:, TOLD:]
    with torch.inference_mode():
        expected = model.normalizer.velocity.condition(caption, old).mean
        assert torch.allclose(told.normalizer.velocity.condition(caption, new).mean, expected, atol=1e-5)


def test_the_view_does_not_reach_the_flow() -> None:
    """Guards against a view that is learnt as well as applied, so that it would act twice."""
    config = dataclasses.replace(PRESETS["tiny"], flow=dataclasses.replace(PRESETS["tiny"].flow, learnt=8))
    model = DALLEModel(config, tiny_model().tokenizer).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    caption = _captions(model, ["a dog"])
    code = torch.randn(1, 20)
    moved = code.clone()
    moved[:, :VIEW_NUMBERS] += 1
    lit = code.clone()
    lit[:, VIEW_NUMBERS] += 1
    with torch.inference_mode():
        means = [model.normalizer.velocity.condition(caption, each).mean for each in (code, moved, lit)]
    assert torch.equal(means[0], means[1])
    assert (means[0] - means[2]).abs().max() > 0.01


def _captions(model: DALLEModel, texts: list[str]) -> Caption:
    with torch.inference_mode():
        return model.encode_text(texts)


def test_a_start_and_a_run_travel(tmp_path: Path) -> None:
    """Guards against a checkpoint that comes back with other words, or without one of its networks."""
    start = tiny_checkpoint(tmp_path / "start")
    (start / "words.json").write_text(json.dumps(["dog"]))
    transport.pack_start(start, tmp_path / "packed" / "start")
    transport.unpack(tmp_path / "packed", tmp_path / "there")
    there = DALLE.from_pretrained(tmp_path / "there" / "start")
    assert there.lexicon.words == ("dog",)
    exact = DALLE.from_pretrained(start).model.state_dict()
    for name, tensor in there.model.state_dict().items():
        assert (tensor - exact[name]).abs().max() <= 0.01 * exact[name].abs().max() + 1e-6, name

    run = tmp_path / "run"
    trained = with_told_numbers(DALLE.from_pretrained(start).model)
    for parameter in trained.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    DALLE(trained).save_pretrained(run / "autoencoder" / "checkpoint")
    (run / "autoencoder" / "metrics.jsonl").write_text("{}\n")
    transport.export(run, start, tmp_path / "first", eight_bit=["normalizer"])
    transport.export(run, start, tmp_path / "second", networks=["normalizer"])
    transport.join([tmp_path / "first", tmp_path / "second"], start, tmp_path / "joined")
    joined, expected = (
        DALLE.from_pretrained(each) for each in (tmp_path / "joined", run / "autoencoder" / "checkpoint")
    )
    assert joined.lexicon.words == ("dog",)
    assert (tmp_path / "joined" / "autoencoder.jsonl").read_text() == "{}\n"
    for name, tensor in expected.model.state_dict().items():
        assert torch.equal(joined.model.state_dict()[name], tensor), name
