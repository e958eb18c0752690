"""A small DALL·E for a laptop without a GPU: text to image, live latent sliders, training.

    from dalle import DALLE

    DALLE.from_pretrained("checkpoints/emoji").generate("a red apple", count=4, seed=7)

The README's annotated tree describes every file.
"""

from importlib import import_module

__version__ = "0.1.0"
__all__ = ["DALLE", "Picture", "Recipe", "__version__"]

_LAZY_IMPORTS = {"DALLE": "dalle.pipeline.dalle", "Picture": "dalle.recipe", "Recipe": "dalle.recipe"}


def __getattr__(name: str) -> object:
    """Import a public name at its first use, so that `import dalle` does not wait for torch (PEP 562)."""
    if name not in _LAZY_IMPORTS:
        raise AttributeError(f"module 'dalle' has no attribute {name!r}")
    return getattr(import_module(_LAZY_IMPORTS[name]), name)
