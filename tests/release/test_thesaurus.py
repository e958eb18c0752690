"""Names and nearest nouns of labels: built from a small WordNet and a small emoji set."""

import dataclasses
from pathlib import Path

import pytest
from shapes import shaped_emoji

from dalle.data.sprites.wordnet import Synset, WordNet
from dalle.prompts.lexicon import Lexicon, Near, load_names, load_thesaurus, save_names, save_thesaurus
from dalle.release import thesaurus
from dalle.release.names import label_names

LABELS = ("an owl", "a person", "a red heart")


SENSES = {
    1: Synset(("bird",), "animal", ()),
    2: Synset(("owl",), "animal", (1,)),
    3: Synset(("barn owl", "tyto"), "animal", (2,)),
    4: Synset(("person",), "person", ()),
    5: Synset(("plumber",), "person", (4,)),
    6: Synset(("joy",), "feeling", ()),
    7: Synset(("Athena",), "person", (4,), is_instance=True),
    8: Synset(("toaster",), "artifact", ()),
    9: Synset(("toaster",), "person", (4,)),
}
NOUNS = {"bird": (1,), "owl": (2,), "barn owl": (3,), "person": (4,), "plumber": (5,), "joy": (6,)}
NOUNS |= {"athena": (7,), "toaster": (9, 8), "tyto": (3,)}


class SmallWordNet(WordNet):
    def __init__(self) -> None:
        self._senses = {noun.replace(" ", "_"): senses for noun, senses in NOUNS.items()}
        self._synsets, self._adjectives = SENSES, set()


def test_kinds_of_things_are_near_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a toaster that is a person, and against entries for what is known."""
    monkeypatch.setattr(
        thesaurus, "looked_at", lambda: iter([("nest", "owl", "hand"), ("lathe", "", "hand")])
    )
    lexicon = Lexicon(LABELS, words=("owl", "tyto"))
    found = thesaurus.build_thesaurus(SmallWordNet(), lexicon, shaped_emoji())
    assert found == {
        "barn owl": Near(("an owl",), "barn owl.n"),
        "plumber": Near(("a person",), "plumber.n"),
        "nest": Near(("an owl",), "hand"),
        "lathe": Near((), "hand"),
    }


def test_what_was_looked_at_names_each_noun_once() -> None:
    """Guards against a noun that is put right twice, in two ways."""
    rows = list(thesaurus.looked_at())
    assert len(rows) > 2000 and len({noun for noun, _, _ in rows}) == len(rows)
    assert {source for _, _, source in rows} == {"hand", "embedding"}


def test_tables_come_back_as_they_were_saved(tmp_path: Path) -> None:
    """Guards against a table that loses entries, and one that fills the memory."""
    names = {"de": {"eule": "an owl"}, "emoji": {"🦉": "an owl"}}
    near = {"hawk": Near(("an owl",), "hand"), "lathe": Near((), "hand")}
    save_names(tmp_path, names)
    save_thesaurus(tmp_path, near)
    assert load_names(tmp_path, LABELS) == names and load_thesaurus(tmp_path, LABELS) == near
    assert load_names(tmp_path, ["a cat"]) == {} and load_thesaurus(tmp_path, ["a cat"])["hawk"].labels == ()
    (tmp_path / "thesaurus.tsv").write_text("hawk\tan owl\n")
    with pytest.raises(ValueError, match="line 1"):
        load_thesaurus(tmp_path, LABELS)


def test_names_of_labels_in_other_languages() -> None:
    """Guards against a name that means another label, and labels without their emoji."""
    emoji = shaped_emoji()
    owl = next(concept for concept in emoji.concepts if concept.slug == "owl")
    named = dataclasses.replace(
        owl, labels=owl.labels | {"de": "Eule", "es": "búho"}, keywords={"de": ("Vogel",), "en": ("bird",)}
    )
    emoji = dataclasses.replace(emoji, concepts=(*(c for c in emoji.concepts if c is not owl), named))
    names = label_names(emoji, ["an owl"])
    assert names["de"] == {"eule": "an owl", "vogel": "an owl"} and names["es"] == {"búho": "an owl"}
    assert names["en"] == {"owl": "an owl", "bird": "an owl"}
    assert names["emoji"] == {owl.emoji: "an owl"} and "fr" not in names
