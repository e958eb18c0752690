"""A small DALL·E: text to picture, sliders through the latent space, training, on a laptop without a GPU.

    from dalle import DALLE

    DALLE.from_pretrained("checkpoints/emoji").generate("a red apple", count=4, seed=7)

The README's annotated tree says what stands where.
"""

from importlib import import_module

__version__ = "0.1.0"
__all__ = ["DALLE", "Picture", "Recipe", "__version__"]

_HOMES = {"DALLE": "dalle.pipeline.dalle", "Picture": "dalle.recipe", "Recipe": "dalle.recipe"}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that `import dalle` does not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dalle' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
