"""Builds of the emoji set: which icons it has, their pixels, and builds that are complete and repeatable."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dalle.data.emoji import build as build_module
from dalle.data.emoji.aliases import ALIASES
from dalle.data.emoji.build import PACKAGE_VERSIONS, _choose_styles, build_emoji_set, install_packages
from dalle.data.emoji.emoji_set import STYLES, EmojiSet, summarize
from dalle.data.emoji.names import EmojiNames
from tests.data.emoji.packages import BUILT_STYLES, LEFT_OUT_SLUGS, SIZE, fake_npm


def colour(emoji: EmojiSet, slug: str, style: str) -> tuple[int, ...]:
    """The one colour of a fake icon."""
    (index,) = [
        index
        for index, icon in enumerate(emoji.icons)
        if (emoji.concepts[icon.concept].slug, icon.style) == (slug, style)
    ]
    (only,) = np.unique(emoji.pixels[index].reshape(-1, 4), axis=0)
    return tuple(int(channel) for channel in only)


def test_pixels_belong_to_their_icons(emoji: EmojiSet) -> None:
    """Guards against an icon that shows nothing and moves the pixels of all icons after it."""
    assert len(emoji.pixels) == len(emoji.icons)
    assert colour(emoji, "red-apple", "noto") == (0, 0, 255, 255)
    assert colour(emoji, "alarm-clock", "fxemoji") == (0, 255, 0, 255)
    slugs = {emoji.concepts[icon.concept].slug for icon in emoji.icons}
    assert "ice-skate" not in slugs and "chequered-flag" in slugs


def test_names_without_hyphens_are_found(emoji: EmojiSet) -> None:
    """Guards against matching by slug alone: fxemoji writes `alarmclock` and uses old names of Unicode."""
    assert colour(emoji, "person-running", "fxemoji") == (255, 0, 255, 255)  # U+1F3C3 RUNNER
    assert colour(emoji, "red-apple", "fxemoji") == (255, 255, 0, 255)


def test_skin_tones_fold_into_the_default(emoji: EmojiSet) -> None:
    """Guards against an icon with a skin tone that becomes a concept, or replaces the default one."""
    assert colour(emoji, "waving-hand", "noto") == (255, 0, 0, 255)
    assert not any("tone" in concept.slug for concept in emoji.concepts)


def test_flags_and_letters_stay_out(emoji: EmojiSet) -> None:
    """Guards against national flags, keycaps and lettered buttons, which cost capacity; other flags stay."""
    slugs = {concept.slug for concept in emoji.concepts}
    assert not slugs & LEFT_OUT_SLUGS and not any("regional" in slug for slug in slugs)
    assert "chequered-flag" in slugs


def test_variants_name_their_canonical_concept(emoji: EmojiSet) -> None:
    """Guards against thirty families that weigh as much as thirty fruits."""
    canonical = {concept.slug: concept.canonical for concept in emoji.concepts}
    assert canonical["man-running"] == canonical["person-running"] == "person-running"
    assert canonical["woman-farmer"] == canonical["farmer"] == "farmer"
    assert canonical["family-man-boy"] == canonical["family"] == "family"
    assert canonical["red-apple"] == "red-apple"


def test_concepts_have_their_names(emoji: EmojiSet) -> None:
    """Guards against an empty label, which would become an empty caption: its language must be absent."""
    by_slug = {concept.slug: concept for concept in emoji.concepts}
    apple = by_slug["red-apple"]
    assert apple.labels == {"en": "red apple", "de": "red apple auf Deutsch"}
    assert apple.keywords["en"] == ("red apple tag",)
    assert (apple.group, apple.subgroup) == ("food & drink", "food-fruit")
    assert set(by_slug["ice-skate"].labels) == {"en"}


def test_sources_are_recorded(emoji: EmojiSet) -> None:
    """Guards against a set without author and address, which the licences ask to be credited."""
    noto, fxemoji, names = emoji.licences
    assert (noto.style, noto.licence, noto.author) == ("noto", "MIT", "the noto people")
    assert noto.url and noto.licence_url and names.package == "emojibase-data"
    assert (noto.used, noto.unmatched) == (sum(icon.style == "noto" for icon in emoji.icons), 1)
    assert fxemoji.used == 3 and "Unicode" in names.author
    text = summarize(emoji)
    assert "fxemoji" in text and emoji.digest[:16] in text


def test_second_build_is_byte_identical(
    built: tuple[Path, list], packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a digest that depends on the order of sets, dictionaries or workers."""
    first, _ = built
    monkeypatch.setenv("PATH", str(fake_npm(tmp_path, packages).parent))
    second = tmp_path / "emoji"
    shutil.copytree(first, second)
    (second / "stale").touch()
    build_emoji_set(second, SIZE, styles=BUILT_STYLES[::-1])
    assert sorted(file.name for file in second.iterdir()) == ["icons.npy", "index.json"]
    for name in ("icons.npy", "index.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["emoji", "npm", "npm.log"]


def test_npm_is_asked_for_exact_versions_without_scripts(built: tuple[Path, list]) -> None:
    """Guards against version ranges, which would give other pixels next month, and install scripts."""
    arguments, wanted = json.loads((built[0].parent / "npm.log").read_text())
    assert arguments[0] == "install" and "--ignore-scripts" in arguments
    assert wanted == {name: PACKAGE_VERSIONS[name] for name in wanted}
    assert all(version[0].isdigit() for version in PACKAGE_VERSIONS.values())


def test_progress_ends_complete(built: tuple[Path, list]) -> None:
    """Guards against a progress bar that stops short, which looks like a hang."""
    _, reports = built
    for stage in dict.fromkeys(stage for stage, _, _ in reports):
        steps = [(done, total) for name, done, total in reports if name == stage]
        assert steps == sorted(steps) and steps[0][0] == 0 and steps[-1][0] == steps[-1][1]


def test_failing_npm_says_why_and_leaves_the_old_set(
    built: tuple[Path, list], packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a failed build that looks complete, or destroys the last good one."""
    shutil.copytree(built[0], tmp_path / "emoji")
    monkeypatch.setenv("PATH", str(fake_npm(tmp_path, packages, fails=True).parent))
    with pytest.raises(RuntimeError, match="E418"):
        build_emoji_set(tmp_path / "emoji", SIZE, styles=BUILT_STYLES)
    with pytest.raises(RuntimeError, match="E418"):
        build_emoji_set(tmp_path / "other", SIZE, styles=BUILT_STYLES)
    assert EmojiSet.load(tmp_path / "emoji").digest == EmojiSet.load(built[0]).digest
    assert sorted(file.name for file in tmp_path.iterdir()) == ["emoji", "npm", "npm.log"]


def test_missing_npm_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a bare `No such file or directory: 'npm'`."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"install Node\.js from https://nodejs\.org"):
        build_emoji_set(tmp_path / "emoji", SIZE, styles=BUILT_STYLES)
    assert not list(tmp_path.iterdir())


def test_missing_renderer_is_noticed_before_any_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against half a minute of npm that ends in a worker's ImportError."""
    monkeypatch.setattr(build_module, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="pip install resvg-py"):
        build_emoji_set(tmp_path / "emoji", SIZE, styles=BUILT_STYLES)
    assert not list(tmp_path.iterdir())


def test_bad_requests_are_refused_before_any_download(tmp_path: Path) -> None:
    """Guards against a wrong size that is noticed late, and a user's folder that is overwritten."""
    with pytest.raises(ValueError, match="size=7"):
        build_emoji_set(tmp_path / "emoji", 7)
    with pytest.raises(ValueError, match="unknown style 'comic'"):
        build_emoji_set(tmp_path / "emoji", styles=["comic"])
    with pytest.raises(ValueError, match="share-alike"):
        build_emoji_set(tmp_path / "emoji", styles=["openmoji"])
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").touch()
    with pytest.raises(FileExistsError, match="holiday"):
        build_emoji_set(tmp_path / "holiday")
    assert (tmp_path / "holiday" / "beach.jpg").exists()


def test_share_alike_is_opt_in() -> None:
    """Guards against training on CC-BY-SA icons, whose licence the shipped weights do not have."""
    assert _choose_styles(None, sharealike=False) == [style for style in STYLES if style != "openmoji"]
    assert _choose_styles(None, sharealike=True) == list(STYLES)
    assert {f"@iconify-json/{style}" for style in STYLES} == PACKAGE_VERSIONS.keys() - {"emojibase-data"}


def test_real_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against real packages that differ from the fakes in layout or versions, and wrong aliases."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, so no real icon set can be fetched")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    try:
        fetched = install_packages(["@iconify-json/fxemoji", "emojibase-data"], tmp_path / "npm")
    except RuntimeError as error:
        offline = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")
        if any(code in str(error) for code in offline):
            pytest.skip("the npm registry cannot be reached, so no real icon set can be fetched")
        raise
    monkeypatch.setattr(build_module, "install_packages", lambda packages, scratch: fetched)
    emoji = build_emoji_set(tmp_path / "emoji", 32, styles=["fxemoji"], limit=20)
    assert len(emoji.concepts) == len(emoji.icons) == 20
    assert len({language for concept in emoji.concepts for language in concept.labels}) == 28
    assert (emoji.pixels[..., 3] == 0).any() and (emoji.pixels[..., 3] == 255).any()
    assert emoji.licences[0].licence == "Apache-2.0" and emoji.licences[0].unmatched < 200

    names = EmojiNames(fetched / "emojibase-data")
    assert names.entries[names.find("alarmclock").emoji]["label"] == "alarm clock"
    for label in {label for aliases in ALIASES.values() for label in aliases.values() if label}:
        assert names.find(label).rank == 0, label
    icon_set = json.loads((fetched / "@iconify-json/fxemoji/icons.json").read_text())
    assert ALIASES["fxemoji"].keys() <= icon_set["icons"].keys()
