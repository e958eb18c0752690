"""From names to concepts: what is merged, what is told apart, and what is left out."""

from pathlib import Path

import pytest
import sprite_packages
from sprite_packages import clipart, iconify, spec

from dalle.data.emoji.names import EmojiNames
from dalle.data.sprites.brands import Brands
from dalle.data.sprites.candidates import phrase, read_icons
from dalle.data.sprites.clipart import read_file
from dalle.data.sprites.sources import LICENCES, sources
from dalle.data.sprites.tables import mapping, rows
from dalle.data.sprites.vocabulary import Vocabulary
from dalle.data.sprites.wordnet import WordNet


def unpack(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files below a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def vocabulary(tmp_path: Path) -> Vocabulary:
    """The fake packages' words; the table says that a box is left out and that "bin" is a box."""
    names = EmojiNames(unpack(tmp_path / "emojibase", sprite_packages.emojibase()))
    wordnet = WordNet(unpack(tmp_path / "wordnet", sprite_packages.wordnet()))
    return Vocabulary(names, wordnet, names.wanted, {"switch": "", "mallet": "hammer"})


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ("automobile", "automobile"),
        ("Gem Stone", "gem stone"),
        ("car", "automobile"),  # one meaning in WordNet
        ("runner", "person running"),  # a short code
        ("hammer", "hammer"),
        ("mallet", "hammer"),  # by the table
        ("switch", None),  # by the table
        ("merger", None),  # no thing that can be seen
        ("jewel", None),  # a keyword alone proves nothing
        ("flag germany", None),
        ("ok button", None),
    ],
)
def test_names_of_concepts(vocabulary: Vocabulary, words: str, label: str | None) -> None:
    """A wrong merge puts a wrong caption under hundreds of drawings; a missed one makes two concepts."""
    assert vocabulary.find(words) == label


def test_two_names_of_one_meaning_are_one_concept(vocabulary: Vocabulary) -> None:
    """The name that most drawings have is the label, whatever source is read first."""
    vocabulary.prime({"sofa": 1, "couch": 3})
    assert vocabulary.find("sofa") == vocabulary.find("couch") == vocabulary.find("lounge") == "couch"


def test_described_things_and_compositions(vocabulary: Vocabulary) -> None:
    """ "two hammers" are no hammer, and a hammer on a snail is neither of both."""
    assert vocabulary.find_described("spiked snail") == "snail"
    assert vocabulary.find_described("two hammer") is None
    assert vocabulary.find_described("hammer snail") is None
    assert vocabulary.find_composition("hammer on spiked snail") == "hammer on spiked snail"
    assert vocabulary.find_composition("hammer on merger") is None
    assert vocabulary.find_composition("hammer and question mark") is None


def test_brands_are_left_out_but_nouns_are_not(tmp_path: Path) -> None:
    """A trademark must not be drawn; but half of the language is somebody's brand."""
    logos = unpack(tmp_path, iconify({"acme-corp": "", "chainsaw-icon": "", "anchor": ""}))
    brands = Brands([logos])
    for name in ("acme corp", "Acme-Corp", "chainsaw", "brand-anvil", "hammer-logo"):
        assert name in brands, name
    assert "anchor" in {row["noun"] for row in rows("nouns")}
    assert "anchor" not in brands and "branding" not in brands and "hammer" not in brands


def test_one_drawing_of_each_variant(tmp_path: Path) -> None:
    """A family draws a thing in six weights: they are one drawing for us."""
    icons = {name: name for name in ("cat-bold", "cat-thin", "cat", "dog-thin", "owl-2")}
    package = unpack(tmp_path, iconify(icons))
    found, total = read_icons(spec("ph", "ph", "icons", "ph", variants=("-bold", "", "-thin")), package)
    assert [candidate.id for candidate in found] == ["cat-bold", "dog-thin", "owl-2"] and total == 5
    assert [candidate.phrases for candidate in found] == [("cat",), ("dog",), ("owl",)]
    assert phrase("bear-head-2") == "bear head"


@pytest.mark.parametrize(
    ("body", "licence", "defect"),
    [
        ("<path/>", "http://web.resource.org/cc/PublicDomain", ""),
        ("<path/>", "http://creativecommons.org/licenses/GPL/2.0/", "licence"),
        ("<path/>", "", "licence not told"),
        ("<image/>", "http://web.resource.org/cc/PublicDomain", "raster"),
        ("<text x='1'><tspan>SALE</tspan></text>", "http://web.resource.org/cc/PublicDomain", "lettered"),
        ("<path/>" * 6000, "http://web.resource.org/cc/PublicDomain", "too complex"),
    ],
)
def test_clip_art_that_cannot_be_used(tmp_path: Path, body: str, licence: str, defect: str) -> None:
    """Letters are drawn without a font as nothing, and a file under another licence must not be shipped."""
    unpack(tmp_path, {"hammer_ann_artist_01.svg": clipart("clipart by nicu", body, licence)})
    found = read_file(tmp_path, "hammer_ann_artist_01.svg")
    assert found.defect.startswith(defect) and bool(found.defect) == bool(defect)
    assert found.phrases == ("hammer",) and found.credit == "Ann Artist" and found.keywords == ("tool",)


def test_tables_are_consistent() -> None:
    """They are edited by hand: a slip must not take a style, a licence or a held-out set with it."""
    specs = {source.name: source for source in sources()}
    assert {specs[name].subset for name in ("streamline-kameleon-color", "healthicons")} == {"held-out"}
    assert {source.licence for source in specs.values()} <= LICENCES
    assert not {"openmoji", "emojione-v1"} & specs.keys()
    for table in ("removed", "renamed"):
        assert all(all(row.values()) and row["source"] in specs for row in rows(table))
        assert len({(row["source"], row["id"]) for row in rows(table)}) == len(rows(table))
    removed, renamed = (
        {(row["source"], row["id"]) for row in rows(table)} for table in ("removed", "renamed")
    )
    assert not removed & renamed
    assert all(concept or row["reason"] for row in rows("phrases") for concept in [row["concept"]])
    phrases = mapping("phrases")
    left_out = {words for words, concept in phrases.items() if not concept}
    assert not left_out & set(phrases.values())
