"""English grammar of captions: articles, plurals and exceptions."""

import numpy as np
import pytest

from dalle.data.scenes.english import parse_noun, with_typo


@pytest.mark.parametrize(
    ("label", "singular", "plural"),
    [
        ("red apple", "a red apple", "three red apples"),
        ("owl", "an owl", "three owls"),
        ("hourglass done", "an hourglass done", "three hourglasses done"),
        ("unicorn", "a unicorn", "three unicorns"),
        ("umbrella", "an umbrella", "three umbrellas"),
        ("one-piece swimsuit", "a one-piece swimsuit", "three one-piece swimsuits"),
        ("ewe", "a ewe", "three ewes"),
        ("x-ray", "an x-ray", "three x-rays"),
        ("OK hand", "an OK hand", "three OK hands"),
        ("mouse", "a mouse", "three mice"),
        ("computer mouse", "a computer mouse", "three computer mice"),
        ("goose", "a goose", "three geese"),
        ("deer", "a deer", "three deer"),
        ("tropical fish", "a tropical fish", "three tropical fish"),
        ("snowman", "a snowman", "three snowmen"),
        ("maple leaf", "a maple leaf", "three maple leaves"),
        ("kitchen knife", "a kitchen knife", "three kitchen knives"),
        ("strawberry", "a strawberry", "three strawberries"),
        ("turkey", "a turkey", "three turkeys"),
        ("cactus", "a cactus", "three cacti"),
        ("rhinoceros", "a rhinoceros", "three rhinoceroses"),
        ("box", "a box", "three boxes"),
        ("pot of food", "a pot of food", "three pots of food"),
        ("face with tears of joy", "a face with tears of joy", "three faces with tears of joy"),
        ("face savoring food", "a face savoring food", "three faces savoring food"),
        ("woman feeding baby", "a woman feeding baby", "three women feeding baby"),
        ("person: red hair", "a person with red hair", "three people with red hair"),
        ("man: beard", "a man with a beard", "three men with a beard"),
        ("woman: bald", "a bald woman", "three bald women"),
        ("person walking", "a person walking", "three people walking"),
        ("family: man, woman, boy", "a family of man, woman and boy", "three families of man, woman and boy"),
    ],
)
def test_articles_and_plurals(label, singular, plural):
    """Guards against "a owl", "an unicorn", "three mouses", "pot of foods" and colons in sentences."""
    assert (parse_noun(label).singular(), parse_noun(label).plural(3)) == (singular, plural)


@pytest.mark.parametrize(
    ("label", "singular"),
    [
        ("scissors", "scissors"),
        ("grapes", "grapes"),
        ("people with bunny ears", "people with bunny ears"),
        ("cooked rice", "cooked rice"),
        ("Santa Claus", "Santa Claus"),
        ("Statue of Liberty", "the Statue of Liberty"),
        ("bow and arrow", "a bow and arrow"),
    ],
)
def test_what_cannot_be_counted(label, singular):
    """Guards against "a scissors", "two Santa Clauses" and "bow and arrows"."""
    assert parse_noun(label).singular() == singular
    with pytest.raises(ValueError, match="cannot be counted"):
        parse_noun(label).plural(2)


@pytest.mark.parametrize(
    "label", ["thumbs up", "three o’clock", "two-thirty", "right anger bubble", "woman walking: facing right"]
)
def test_labels_that_name_no_object(label):
    """Guards against "a thumbs up to the left of a three o'clock"."""
    assert not parse_noun(label).is_object


def test_adjectives_change_the_article():
    """Guards against "an green owl" and "a orange cat"."""
    assert parse_noun("owl").singular("green") == "a green owl"
    assert parse_noun("cat").singular("orange") == "an orange cat"
    assert parse_noun("scissors").singular("blue") == "blue scissors"
    assert parse_noun("cat").plural(2, "green", in_digits=True) == "2 green cats"


def test_a_typo_is_one_slip_in_the_longest_word() -> None:
    """Guards against unreadable words, and short words that become other words."""
    rng = np.random.Generator(np.random.PCG64(0))
    typos = {with_typo("red apple", rng) for _ in range(200)}
    assert {"red aplpe", "red appe", "red applle"} <= typos
    assert all(typo.startswith("red a") and abs(len(typo) - len("red apple")) <= 1 for typo in typos)
    assert with_typo("a cat", rng) == "a cat"
