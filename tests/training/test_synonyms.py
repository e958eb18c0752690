"""Laws of the pairs that teach the text encoder without pictures."""

import torch
from torch.nn import functional as F

from dalle.data.scenes.composer import Composer
from dalle.training.synonyms import SynonymDataset, synonym_pairs
from dalle.training.text_teacher import Teacher
from tests.fakes import fake_emoji


def test_every_pair_says_the_same() -> None:
    """Guards against a label of one concept beside a name of another, and languages that are left out."""
    emoji = fake_emoji()
    teacher = Teacher([emoji.concepts[0].labels["en"].lower()], torch.ones(1, 2))
    found = set(synonym_pairs(emoji, ["zh"], teacher))
    names = {c.labels["en"]: {*c.labels.values()}.union(*c.keywords.values()) for c in emoji.concepts}
    assert found and all(text in names[label] for text, label in found)
    for concept in emoji.concepts:
        for language, label in concept.labels.items():
            assert language.startswith("en") or (label, concept.labels["en"]) in found


def test_a_word_outside_the_data_stands_for_its_nearest_name_or_for_nothing() -> None:
    """Guards against far words that are forced on some concept."""
    emoji = fake_emoji()
    first, second = (concept.labels["en"].lower() for concept in emoji.concepts[:2])
    embeddings = F.normalize(torch.tensor([[1.0, 0, 0], [0, 1, 0], [0.1, 0.9, 0.1], [0, 0, 1]]), dim=1)
    found = synonym_pairs(emoji, [], Teacher([first, second, "near the second", "far"], embeddings))
    assert ("near the second", emoji.concepts[1].labels["en"]) in found
    assert not any(text == "far" for text, _ in found)


def test_sayings_are_the_same_for_the_same_index_and_some_are_misspelt() -> None:
    """Guards against epochs that repeat one order for ever, and against resumed runs that differ."""
    composer = Composer(fake_emoji(), size=32)
    sayings = SynonymDataset([("foo", "lettuce")], composer)
    drawn = [sayings[index] for index in range(100)]
    assert drawn == [sayings[index] for index in range(100)]
    texts = [said.text for said in drawn]
    assert 2 <= sum(text != "foo" for text in texts) <= 30
    assert len({said.caption for said in drawn}) > 10 and {said.label for said in drawn} == {"lettuce"}
