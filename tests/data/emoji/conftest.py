"""An emoji set that is built once from small packages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dalle.data.emoji.build import build_emoji_set
from dalle.data.emoji.emoji_set import EmojiSet
from tests.data.emoji.packages import (
    BUILT_STYLES,
    FXEMOJI,
    NOTO,
    SIZE,
    fake_npm,
    write_icon_set,
    write_names,
)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages as npm installs them."""
    folder = tmp_path_factory.mktemp("packages")
    write_names(folder / "emojibase-data")
    noto = {"1f44b": "waving-hand", "1f44b-1f3ff": "waving-hand-dark-skin-tone", "1f34e": "red-apple"}
    write_icon_set(folder / "@iconify-json" / "noto", NOTO, noto)
    write_icon_set(folder / "@iconify-json" / "fxemoji", FXEMOJI, {})
    return folder


@pytest.fixture(scope="session")
def built(
    packages: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, list[tuple[str, int, int]]]]:
    """The folder of a set that the fake npm built, and the reported progress."""
    directory = tmp_path_factory.mktemp("built")
    steps: list[tuple[str, int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(fake_npm(directory, packages).parent))
        build_emoji_set(
            directory / "emoji", SIZE, styles=BUILT_STYLES, progress=lambda *step: steps.append(step)
        )
    yield directory / "emoji", steps


@pytest.fixture
def emoji(built: tuple[Path, list[tuple[str, int, int]]]) -> EmojiSet:
    return EmojiSet.load(built[0])
