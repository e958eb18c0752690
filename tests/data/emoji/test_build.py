"""The emoji set: what belongs in it, what its pixels are, and that a build is whole and repeatable."""

import json
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dalle.data.emoji import build as build_module
from dalle.data.emoji.aliases import ALIASES
from dalle.data.emoji.build import PACKAGES, _choose, _install, build
from dalle.data.emoji.emoji_set import STYLES, Concept, EmojiSet, summary
from dalle.data.emoji.names import EmojiNames, normalize_name, slugify
from dalle.data.emoji.svg import rasterise, read_drawings

SIZE = 16
STYLES_BUILT = ("noto", "fxemoji")

EMOJI = [  # hexcode, label, group, subgroup
    ("1F44B", "waving hand", 1, 0),
    ("1F3C3", "person running", 1, 1),
    ("1F3C3-200D-2642-FE0F", "man running", 1, 1),
    ("1F9D1-200D-1F33E", "farmer", 1, 1),
    ("1F469-200D-1F33E", "woman farmer", 1, 1),
    ("1F46A", "family", 1, 1),
    ("1F468-200D-1F466", "family: man, boy", 1, 1),
    ("1F34E", "red apple", 4, 2),
    ("23F0", "alarm clock", 5, 3),
    ("26F8-FE0F", "ice skate", 5, 3),
    ("1F519", "BACK arrow", 8, 4),
    ("0023-FE0F-20E3", "keycap: #", 8, 5),
    ("1F197", "OK button", 8, 6),
    ("1F3C1", "chequered flag", 9, 7),
    ("1F1E9-1F1EA", "flag: Germany", 9, 8),
]
LEFT_OUT = {"back-arrow", "keycap", "ok-button", "flag-germany"}
GROUPS = {
    1: "people & body",
    2: "components",
    4: "food & drink",
    5: "travel & places",
    8: "symbols",
    9: "flags",
}
SUBGROUPS = [
    "hand-fingers-open",
    "person-sport",
    "food-fruit",
    "time",
    "arrow",
    "keycap",
    "alphanum",
    "flag",
    "country-flag",
]

NOTO = {
    "waving-hand": "#ff0000",
    "waving-hand-dark-skin-tone": "#00ff00",
    "person-running": "#ff0000",
    "man-running": "#ff0000",
    "farmer": "#ff0000",
    "woman-farmer": "#ff0000",
    "family": "#ff0000",
    "family-man-boy": "#ff0000",
    "red-apple": "#0000ff",
    "ice-skate": None,  # draws nothing
    "back-arrow": "#ff0000",
    "keycap": "#ff0000",
    "ok-button": "#ff0000",
    "chequered-flag": "#ff0000",
    "flag-for-flag-germany": "#ff0000",
    "flag-germany": "#ff0000",
    "dodo-rollerskate": "#ff0000",
}
FXEMOJI = {"alarmclock": "#00ff00", "runner": "#ff00ff", "REDAPPLE": "#ffff00"}


def write(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), encoding="utf-8")


def write_names(package: Path) -> None:
    """A small emojibase-data: English, and a German that lacks a word for the ice skate."""
    english = [
        {
            "hexcode": h,
            "label": label,
            "emoji": h,
            "order": at,
            "group": g,
            "subgroup": s,
            "tags": [f"{label} tag"],
        }
        for at, (h, label, g, s) in enumerate(EMOJI)
    ]
    english[0]["skins"] = [{"hexcode": "1F44B-1F3FF", "label": "waving hand: dark skin tone"}]
    english.append({"hexcode": "1F1E9", "label": "regional indicator D", "emoji": "D"})
    german = [entry | {"label": f"{entry['label']} auf Deutsch"} for entry in english]
    del german[9]["label"]
    write(package / "en" / "data.json", english)
    write(package / "de" / "data.json", german)
    write(
        package / "en" / "messages.json",
        {
            "groups": [{"order": order, "message": name} for order, name in GROUPS.items()],
            "subgroups": [{"order": order, "key": name} for order, name in enumerate(SUBGROUPS)],
        },
    )
    write(package / "en" / "shortcodes" / "chat.json", {"1F3C3": ["jogger"], "1F9D1-200D-1F33E": "jogger"})
    write(
        package / "package.json",
        {"name": "emojibase-data", "version": "17.0.0", "author": "A", "license": "MIT"},
    )


def write_set(package: Path, drawings: dict[str, str | None], characters: dict[str, str]) -> None:
    name = package.name
    square = '<path id="{}" fill="{}" d="M0 0h10v10H0z"/>'
    icons = {
        icon: {"body": square.format(icon, colour) if colour else "<g/>"} for icon, colour in drawings.items()
    }
    write(package / "icons.json", {"icons": icons, "width": 10, "height": 10})
    write(package / "chars.json", characters)
    licence = {"spdx": "MIT", "url": f"https://{name}.test/licence"}
    author = {"name": f"the {name} people", "url": f"https://{name}.test"}
    write(package / "info.json", {"name": name, "author": author, "license": licence})
    write(package / "package.json", {"name": f"@iconify-json/{name}", "version": "1.0.0"})


def fake_npm(folder: Path, packages: Path, fails: bool = False) -> Path:
    """An npm that copies the packages it is asked for, and keeps what it was told in npm.log."""
    npm = folder / "npm"
    said = "print('npm error code E418', file=sys.stderr); sys.exit(1)" if fails else ""
    npm.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, shutil, sys\n"
        "wanted = json.load(open('package.json'))['dependencies']\n"
        f"json.dump([sys.argv[1:], wanted], open({str(folder / 'npm.log')!r}, 'w'))\n"
        f"{said}\n"
        "for name in wanted:\n"
        f"    shutil.copytree(pathlib.Path({str(packages)!r}) / name, pathlib.Path('node_modules') / name)\n"
    )
    npm.chmod(npm.stat().st_mode | stat.S_IEXEC)
    return npm


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    write_names(folder / "emojibase-data")
    noto = {"1f44b": "waving-hand", "1f44b-1f3ff": "waving-hand-dark-skin-tone", "1f34e": "red-apple"}
    write_set(folder / "@iconify-json" / "noto", NOTO, noto)
    write_set(folder / "@iconify-json" / "fxemoji", FXEMOJI, {})
    return folder


@pytest.fixture(scope="module")
def built(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list]]:
    """A set built by the fake npm; its folder, and the progress that was told."""
    home = tmp_path_factory.mktemp("home")
    told: list[tuple[str, int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(fake_npm(home, packages).parent))
        build(home / "emoji", SIZE, styles=STYLES_BUILT, progress=lambda *step: told.append(step))
    yield home / "emoji", told


@pytest.fixture
def emoji(built: tuple[Path, list]) -> EmojiSet:
    return EmojiSet.load(built[0])


def colour(emoji: EmojiSet, slug: str, style: str) -> tuple[int, ...]:
    """The one colour of a fake icon."""
    (row,) = [
        n for n, i in enumerate(emoji.icons) if (emoji.concepts[i.concept].slug, i.style) == (slug, style)
    ]
    (only,) = np.unique(emoji.pixels[row].reshape(-1, 4), axis=0)
    return tuple(int(channel) for channel in only)


def test_pixels_belong_to_their_icons(emoji: EmojiSet) -> None:
    """An icon that draws nothing is skipped without moving the pixels of those behind it."""
    assert len(emoji.pixels) == len(emoji.icons)
    assert colour(emoji, "red-apple", "noto") == (0, 0, 255, 255)
    assert colour(emoji, "alarm-clock", "fxemoji") == (0, 255, 0, 255)
    drawn = {emoji.concepts[icon.concept].slug for icon in emoji.icons}
    assert "ice-skate" not in drawn and "chequered-flag" in drawn


def test_names_without_hyphens_are_found(emoji: EmojiSet) -> None:
    """fxemoji writes `alarmclock` and uses Unicode's old names: matching slugs alone lost most of it."""
    assert colour(emoji, "person-running", "fxemoji") == (255, 0, 255, 255)  # U+1F3C3 RUNNER
    assert colour(emoji, "red-apple", "fxemoji") == (255, 255, 0, 255)


def test_skin_tones_fold_into_the_default(emoji: EmojiSet) -> None:
    """A toned drawing must neither become a concept nor replace the default one."""
    assert colour(emoji, "waving-hand", "noto") == (255, 0, 0, 255)
    assert not any("tone" in concept.slug for concept in emoji.concepts)


def test_flags_and_letters_stay_out(emoji: EmojiSet) -> None:
    """National flags, keycaps and lettered buttons cost capacity; flags of no nation stay."""
    slugs = {concept.slug for concept in emoji.concepts}
    assert not slugs & LEFT_OUT and not any("regional" in slug for slug in slugs)
    assert "chequered-flag" in slugs


def test_variants_name_their_base(emoji: EmojiSet) -> None:
    """Unless variants are known as such, thirty families weigh as much as thirty fruits."""
    base = {concept.slug: concept.base for concept in emoji.concepts}
    assert base["man-running"] == base["person-running"] == "person-running"
    assert base["woman-farmer"] == base["farmer"] == "farmer"
    assert base["family-man-boy"] == base["family"] == "family"
    assert base["red-apple"] == "red-apple"


def test_concepts_carry_their_words(emoji: EmojiSet) -> None:
    """A language without a label is absent: an empty label would become an empty caption."""
    by_slug = {concept.slug: concept for concept in emoji.concepts}
    apple = by_slug["red-apple"]
    assert apple.labels == {"en": "red apple", "de": "red apple auf Deutsch"}
    assert apple.keywords["en"] == ("red apple tag",)
    assert (apple.group, apple.subgroup) == ("food & drink", "food-fruit")
    assert set(by_slug["ice-skate"].labels) == {"en"}


def test_sources_are_recorded(emoji: EmojiSet) -> None:
    """The licences ask for credit: author and address of every set must reach the model card."""
    noto, fxemoji, names = emoji.licences
    assert (noto.style, noto.licence, noto.author) == ("noto", "MIT", "the noto people")
    assert noto.url and noto.licence_url and names.package == "emojibase-data"
    assert (noto.used, noto.unmatched) == (sum(icon.style == "noto" for icon in emoji.icons), 1)
    assert fxemoji.used == 3 and "Unicode" in names.author
    text = summary(emoji)
    assert "fxemoji" in text and emoji.digest[:16] in text


def test_second_build_is_byte_identical(
    built: tuple[Path, list], packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest names the data of a checkpoint: order of sets, dictionaries and workers must not show."""
    first, _ = built
    monkeypatch.setenv("PATH", str(fake_npm(tmp_path, packages).parent))
    second = tmp_path / "emoji"
    shutil.copytree(first, second)
    (second / "stale").touch()
    build(second, SIZE, styles=STYLES_BUILT[::-1])
    assert sorted(file.name for file in second.iterdir()) == ["icons.npy", "index.json"]
    for name in ("icons.npy", "index.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["emoji", "npm", "npm.log"]


def test_npm_is_asked_for_exact_versions_without_scripts(built: tuple[Path, list]) -> None:
    """A range would draw other pixels next month, and a package's scripts have no business here."""
    arguments, wanted = json.loads((built[0].parent / "npm.log").read_text())
    assert arguments[0] == "install" and "--ignore-scripts" in arguments
    assert wanted == {name: PACKAGES[name] for name in wanted}
    assert all(version[0].isdigit() for version in PACKAGES.values())


def test_progress_ends_complete(built: tuple[Path, list]) -> None:
    """A bar that stops short looks like a hang."""
    _, told = built
    for stage in dict.fromkeys(stage for stage, _, _ in told):
        steps = [(done, total) for name, done, total in told if name == stage]
        assert steps == sorted(steps) and steps[0][0] == 0 and steps[-1][0] == steps[-1][1]


def test_failing_npm_says_why_and_leaves_the_old_set(
    built: tuple[Path, list], packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken build must neither look complete nor take the last good one with it."""
    shutil.copytree(built[0], tmp_path / "emoji")
    monkeypatch.setenv("PATH", str(fake_npm(tmp_path, packages, fails=True).parent))
    with pytest.raises(RuntimeError, match="E418"):
        build(tmp_path / "emoji", SIZE, styles=STYLES_BUILT)
    with pytest.raises(RuntimeError, match="E418"):
        build(tmp_path / "other", SIZE, styles=STYLES_BUILT)
    assert EmojiSet.load(tmp_path / "emoji").digest == EmojiSet.load(built[0]).digest
    assert sorted(file.name for file in tmp_path.iterdir()) == ["emoji", "npm", "npm.log"]


def test_missing_npm_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`No such file or directory: 'npm'` helps nobody."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"install Node\.js from https://nodejs\.org"):
        build(tmp_path / "emoji", SIZE, styles=STYLES_BUILT)
    assert not list(tmp_path.iterdir())


def test_missing_renderer_is_noticed_before_any_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """resvg-py is for builders only: without it, half a minute of npm ended in a worker's ImportError."""
    monkeypatch.setattr(build_module, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="pip install resvg-py"):
        build(tmp_path / "emoji", SIZE, styles=STYLES_BUILT)
    assert not list(tmp_path.iterdir())


def test_bad_requests_are_refused_before_any_download(tmp_path: Path) -> None:
    """A wrong size or a folder with someone's pictures must be noticed first, and kept."""
    with pytest.raises(ValueError, match="size=7"):
        build(tmp_path / "emoji", 7)
    with pytest.raises(ValueError, match="unknown style 'comic'"):
        build(tmp_path / "emoji", styles=["comic"])
    with pytest.raises(ValueError, match="share-alike"):
        build(tmp_path / "emoji", styles=["openmoji"])
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").touch()
    with pytest.raises(FileExistsError, match="holiday"):
        build(tmp_path / "holiday")
    assert (tmp_path / "holiday" / "beach.jpg").exists()


def test_share_alike_is_opt_in() -> None:
    """Weights trained on CC-BY-SA pictures could not be shipped as we ship them."""
    assert _choose(None, sharealike=False) == [style for style in STYLES if style != "openmoji"]
    assert _choose(None, sharealike=True) == list(STYLES)
    assert {f"@iconify-json/{style}" for style in STYLES} == PACKAGES.keys() - {"emojibase-data"}


def test_missing_set_says_how_to_build_it(tmp_path: Path) -> None:
    """The first thing that a new user of the trainer meets."""
    with pytest.raises(FileNotFoundError, match="python -m dalle dataset emoji"):
        EmojiSet.load(tmp_path)


@pytest.mark.parametrize("damage", ["cut pixels", "no pixels", "cut index", "other index", "other pixels"])
def test_damaged_set_is_refused(built: tuple[Path, list], tmp_path: Path, damage: str) -> None:
    """Half a download or a mixed-up copy must not train silently on wrong pictures."""
    folder = tmp_path / "emoji"
    shutil.copytree(built[0], folder)
    icons, index = folder / "icons.npy", folder / "index.json"
    if damage == "cut pixels":
        icons.write_bytes(icons.read_bytes()[:-1])
    elif damage == "no pixels":
        icons.write_bytes(b"")
    elif damage == "cut index":
        index.write_bytes(index.read_bytes()[:-9])
    elif damage == "other index":
        index.write_text("[1, 2]")
    else:
        np.save(icons, np.zeros((3, SIZE, SIZE, 4), np.uint8))
    with pytest.raises(ValueError, match=r"damaged.*python -m dalle dataset emoji"):
        EmojiSet.load(folder)


def test_held_out_keeps_variants_together(emoji: EmojiSet) -> None:
    """A woman farmer held out while the farmer is learnt measures memory, not generalisation."""
    slugs = [f"concept-{number}" for number in range(4000)]
    concepts = [Concept(slug, "", "", "", slug, {}, {}) for slug in slugs]
    twins = [replace(concept, slug=f"woman-{concept.slug}") for concept in concepts]
    many = replace(emoji, concepts=(*concepts, *twins))
    held = [many.held_out(at) for at in range(8000)]
    assert held[:4000] == held[4000:]
    assert 0.04 < np.mean(held) < 0.06


def test_alpha_is_straight() -> None:
    """Premultiplied colours, taken for straight ones, give every soft edge a dark fringe."""
    pixels = rasterise('<path fill="#ff8000" fill-opacity=".5" d="M0 0h8v8H0z"/>', (0, 0, 8, 8), SIZE)
    assert pixels.shape == (SIZE, SIZE, 4) and pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels[SIZE // 2, SIZE // 2], (255, 128, 0, 128), atol=1)


def test_oblong_icons_are_centred_not_stretched() -> None:
    """fxemoji and fluent have a few boxes that are no squares."""
    pixels = rasterise('<path fill="red" d="M5 5h20v10H5z"/>', (5, 5, 20, 10), SIZE)
    seen = pixels[..., 3] > 0
    assert seen[SIZE // 4 : -SIZE // 4].all()
    assert not seen[: SIZE // 4].any() and not seen[-SIZE // 4 :].any()


def test_aliases_are_drawings_too() -> None:
    """fluent's hand pointing right is but a mirrored alias of the one pointing left."""
    icons = {"icons": {"left": {"body": "<g/>"}}, "height": 20}
    aliases = {"right": {"parent": "left", "hFlip": True}, "up": {"parent": "left", "rotate": 1}}
    found = read_drawings(icons | {"aliases": aliases})
    assert found.keys() == {"left", "right"}
    assert found["right"].mirrored and not found["left"].mirrored
    assert found["right"].box == (0, 0, 16, 20)


def test_name_of_two_emoji_means_neither(packages: Path) -> None:
    """A guess would put a wrong caption under a picture."""
    names = EmojiNames(packages / "emojibase-data", [{"1f34e": "malus"}])
    assert names.find("jogger") is None
    assert names.find("ma-lus").emoji == "1f34e"
    assert names.find("red_apple").rank == 0


def test_slugs_are_plain() -> None:
    """Slugs are keys of captions, splits and reports: letters, digits and hyphens only."""
    assert slugify("Piñata, 3 o’clock & more!") == "pinata-3-oclock-more"
    assert normalize_name("Alarm-Clock") == "alarmclock"


def test_real_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages themselves: their layout, the pinned versions, and every spelling we wrote by hand."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, so no real icon set can be fetched")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    try:
        fetched = _install(["@iconify-json/fxemoji", "emojibase-data"], tmp_path / "npm")
    except RuntimeError as error:
        if any(
            code in str(error)
            for code in ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")
        ):
            pytest.skip("the npm registry cannot be reached, so no real icon set can be fetched")
        raise
    monkeypatch.setattr(build_module, "_install", lambda packages, scratch: fetched)
    emoji = build(tmp_path / "emoji", 32, styles=["fxemoji"], limit=20)
    assert len(emoji.concepts) == len(emoji.icons) == 20
    assert len({language for concept in emoji.concepts for language in concept.labels}) == 28
    assert (emoji.pixels[..., 3] == 0).any() and (emoji.pixels[..., 3] == 255).any()
    assert emoji.licences[0].licence == "Apache-2.0" and emoji.licences[0].unmatched < 200

    names = EmojiNames(fetched / "emojibase-data")
    assert names.entries[names.find("alarmclock").emoji]["label"] == "alarm clock"
    for label in {label for spelt in ALIASES.values() for label in spelt.values() if label}:
        assert names.find(label).rank == 0, label
    assert (
        ALIASES["fxemoji"].keys()
        <= json.loads((fetched / "@iconify-json/fxemoji/icons.json").read_text())["icons"].keys()
    )
