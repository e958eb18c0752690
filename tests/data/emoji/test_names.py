"""Names of emoji."""

from pathlib import Path

from dalle.data.emoji.names import EmojiNames, normalize_name, slugify


def test_a_name_of_two_emoji_means_neither(packages: Path) -> None:
    """Guards against a guess, which would give an icon a wrong caption."""
    names = EmojiNames(packages / "emojibase-data", [{"1f34e": "malus"}])
    assert names.find("jogger") is None
    assert names.find("ma-lus").emoji == "1f34e"
    assert names.find("red_apple").rank == 0


def test_slugs_are_plain() -> None:
    """Guards against other characters than letters, digits and hyphens in slugs, which are keys."""
    assert slugify("Piñata, 3 o’clock & more!") == "pinata-3-oclock-more"
    assert normalize_name("Alarm-Clock") == "alarmclock"
