"""Tests of dalle/prompts/suggestions.py."""

from dalle.prompts import suggestions
from dalle.recipe import Recipe


def test_a_seed_gives_the_same_prompt_again() -> None:
    """Guards against a random prompt that cannot be reproduced."""
    prompts = [suggestions.random_prompt(seed) for seed in range(200)]
    assert prompts == [suggestions.random_prompt(seed) for seed in range(200)]
    assert len(set(prompts)) > 150
    assert all(Recipe(prompt) for prompt in prompts)


def test_examples_of_a_checkpoint_are_used() -> None:
    """Guards against random prompts that the checkpoint cannot draw."""
    assert {suggestions.random_prompt(seed, ["one", "other"]) for seed in range(50)} == {"one", "other"}


def test_articles() -> None:
    """Guards against "a owl"."""
    prompts = " ".join(suggestions.random_prompt(seed) for seed in range(500))
    assert " a owl" not in prompts and " an unicorn" not in prompts and " a orange" not in prompts
