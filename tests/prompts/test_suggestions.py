"""Laws of prompts worth trying."""

from dalle.prompts import suggestions
from dalle.recipe import Recipe


def test_the_same_seed_the_same_prompt() -> None:
    """Guards against a surprise that no one can have again."""
    drawn = [suggestions.random_prompt(seed) for seed in range(200)]
    assert drawn == [suggestions.random_prompt(seed) for seed in range(200)]
    assert len(set(drawn)) > 150
    assert all(Recipe(prompt) for prompt in drawn)


def test_a_checkpoints_own_prompts_are_used() -> None:
    """Guards against surprises that this checkpoint cannot draw."""
    assert {suggestions.random_prompt(seed, ["one", "other"]) for seed in range(50)} == {"one", "other"}


def test_articles() -> None:
    """Guards against "a owl"."""
    drawn = " ".join(suggestions.random_prompt(seed) for seed in range(500))
    assert " a owl" not in drawn and " an unicorn" not in drawn and " a orange" not in drawn
