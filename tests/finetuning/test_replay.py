"""Replay samples: their captions are known to the model, and their images are what it draws."""

import numpy as np

from dalle.finetuning import replay
from tests.tiny import tiny_pipeline


def test_captions_are_known() -> None:
    """Guards against a few captions over and over, and new captions whose known words are left out."""
    vocabulary = ["apple", "robot", "of", *(f"word{number}" for number in range(5_000))]
    captions = replay.sample_captions(200, ["my blue robot", "zzz"], vocabulary, (), seed=3)
    assert len(captions) == 200 and len(set(captions)) > 100
    assert captions.count("robot") >= 40 and not {"zzz", "of", "my"} & set(captions)
    assert not {f"word{number}" for number in range(2_000, 5_000)} & set(captions)
    assert captions == replay.sample_captions(200, ["my blue robot", "zzz"], vocabulary, (), seed=3)
    assert captions != replay.sample_captions(200, ["my blue robot", "zzz"], vocabulary, (), seed=4)
    assert len(set(replay.sample_captions(50, ["zzz"], [], (), seed=0))) > 40


def test_samples_are_what_the_model_draws() -> None:
    """Guards against samples of other captions or seeds than stated."""
    pipeline = tiny_pipeline()
    pixels, features = replay.draw_samples(pipeline, ["a dog", "a red apple"] * 9, seed=5)
    again = pipeline.generate("a red apple", seed=6, guidance=1.0, steps=replay.SAMPLING_STEPS)[0]
    assert features.shape == (18, 4, 4) and pixels.dtype == np.uint8
    assert np.abs(pixels[1].astype(int) - np.asarray(again.image)).max() <= 2
    assert len({image.tobytes() for image in pixels}) == 18
