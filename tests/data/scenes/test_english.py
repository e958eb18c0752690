"""English of captions: articles, plurals and the labels that need care."""

import numpy as np
import pytest

from dalle.data.scenes.english import noun, with_typo


@pytest.mark.parametrize(
    ("label", "one", "several"),
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
def test_articles_and_plurals(label, one, several):
    """Guards against "a owl", "an unicorn", "three mouses", "pot of foods" and colons in sentences."""
    assert (noun(label).one(), noun(label).several(3)) == (one, several)


@pytest.mark.parametrize(
    ("label", "one"),
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
def test_what_cannot_be_counted(label, one):
    """Guards against "a scissors", "two Santa Clauses" and "bow and arrows"."""
    assert noun(label).one() == one
    with pytest.raises(ValueError, match="cannot be counted"):
        noun(label).several(2)


@pytest.mark.parametrize(
    "label", ["thumbs up", "three o’clock", "two-thirty", "right anger bubble", "woman walking: facing right"]
)
def test_labels_that_name_no_thing(label):
    """Guards against "a thumbs up to the left of a three o'clock"."""
    assert not noun(label).thing


def test_adjectives_change_the_article():
    """Guards against "an green owl" and "a orange cat"."""
    assert noun("owl").one("green") == "a green owl"
    assert noun("cat").one("orange") == "an orange cat"
    assert noun("scissors").one("blue") == "blue scissors"
    assert noun("cat").several(2, "green", in_digits=True) == "2 green cats"


def test_a_slip_of_the_hand_is_one_slip_in_one_long_word() -> None:
    """Guards against words that nobody could read any more, and short ones that become others."""
    rng = np.random.Generator(np.random.PCG64(0))
    slips = {with_typo("red apple", rng) for _ in range(200)}
    assert {"red aplpe", "red appe", "red applle"} <= slips
    assert all(slip.startswith("red a") and abs(len(slip) - len("red apple")) <= 1 for slip in slips)
    assert with_typo("a cat", rng) == "a cat"
