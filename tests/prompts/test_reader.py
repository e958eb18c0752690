"""Laws of the reader, and what the shipped checkpoint's reader makes of prompts as people type them."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from dalle.data.scenes import captions
from dalle.data.scenes.english import Noun
from dalle.prompts.draft import Draft, Kind
from dalle.prompts.lexicon import ARTICLE, Lexicon
from dalle.prompts.lexicon_files import load_lexicon
from dalle.prompts.reader import MAX_PROMPT_LENGTH, Reader


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(load_lexicon(Path("checkpoints/emoji")))


# Typed prompt -> the text that the model is told, and what is not wanted.
READ = {
    # spaces, signs
    "a red apple ": "a red apple",
    "  a\tred\r\napple": "a red apple",
    "red-apple": "red apple",
    "a cat & a dog": "a cat and a dog",
    "cat + dog": "cat and dog",
    "a robot w/ a hat": "a robot with a hat",
    ", a cat,, a dog ;": "a cat, a dog",
    "A RED CAT": "a red cat",
    # politeness, wrapping, emoji, flags
    "can you draw a horse?": "a horse",
    "please draw me a cat": "a cat",
    "can you make a picture of a dog with sunglasses": "a dog with sunglasses",
    "hey, could you please paint a pizza for me": "a pizza",
    "logo for a bakery": "a bakery",
    "What does a fox look like?": "a fox",
    '"a red balloon"': "a red balloon",
    "my cat": "a cat",
    "a 🐱 on blue": "a cat face on blue",
    "a cat --ar 16:9 --v 5": "a cat",
    "please": "please",
    # other programs
    "beautiful": "beautiful",
    "perfect, noto": "perfect, noto",
    "a (cat:1.3), ((dog)), masterpiece, best quality, 8k": "a cat, dog",
    "[cat|dog] on blue": "cat on blue",
    r"a \(cat\)": "a cat",
    "<lora:icons:0.8> a cat": "a cat",
    # numbers
    "a dozen eggs": "five eggs",
    "two dozen eggs": "five eggs",
    "a pair of cats": "two cats",
    "a couple of dogs": "two dogs",
    "3x cat": "three cats",
    "cat x3": "three cats",
    "12 cats": "five cats",
    "several dogs": "three dogs",
    "cats": "three cats",
    "a pair of glasses": "a pair of glasses",
    # colours
    "a gray wolf": "a grey wolf",
    "a maroon car": "a red car",
    "a crimson bird": "a red bird",
    "a navy car on off-white background": "a blue car on white background",
    "neon green frog": "green frog",
    "a light blue butterfly": "a blue butterfly",
    "#ff8800 car": "orange car",
    "a rose dress": "a pink dress",
    "an emerald ring": "a green ring",
    "a rose": "a rose",
    "an orange": "an orange",
    "a chocolate cake": "a chocolate cake",
    # styles
    "3d render of a cat": "a cat, fluent 3d style",
    "a flat cat": "a cat, fluent flat style",
    "a cat in google style": "a cat, noto style",
    "a watercolour painting of a fox": "a fox",
    "a cat, pixel art": "a cat",
    # slips of the hand
    "a unicron": "a unicorn",
    "pengiun": "penguin",
    "a choclate cake": "a chocolate cake",
    "purpel house": "purple house",
    "a bananna": "a banana",
    # words outside the data
    "a hawk": "an eagle",
    "three hawks": "three eagles",
    "a moth": "a butterfly",
    "two cottages on a blue background": "two houses on a blue background",
    "cappuccino": "a hot beverage",
    "a tiara": "a crown",
    "a trout": "a fish",
    "a pug": "a dog",
    "a stool": "a chair",
    "a storm": "a cloud with lightning and rain",
    # other languages
    "红色汽车": "a red automobile",
    "一只黑猫": "a black cat",
    "猫在狗的左边": "a cat to the left of a dog",
    "蓝色背景上的两只猫": "two cats on a blue background",
    "ein Apfel links von einer Birne": "a red apple to the left of a pear",
    "ein gelber Hund": "a yellow dog",
    "drei rote Äpfel": "three red apples",
    "una casa amarilla sobre fondo azul": "a yellow house on a blue background",
    "un chat noir à côté d'un chien": "a black cat next to a dog",
    "duas maçãs verdes": "two green apples",
    "tre gatti neri": "three black cats",
    "жёлтая собака на синем фоне": "a yellow dog on a blue background",
    "犬の左の猫": "a cat to the left of a dog",
    "파란 배경의 개": "a dog on a blue background",
    "काली बिल्ली": "a black cat",
    "manzana roja, noto style": "a red apple, noto style",
    "a red gato": "a red cat",
    # English that is French or German too
    "a chat": "a chat",
    "pain": "pain",
}

UNWANTED = {
    "a cat, no hat": ("a cat", "a hat"),
    "a cat without a hat on a blue background": ("a cat on a blue background", "a hat"),
    "a cat, NOT a dog": ("a cat", "a dog"),
    "a house with no windows": ("a house", "windows"),
    "a cat but no dog and no tree": ("a cat", "a dog, a tree"),
    "a house, not red": ("a house", "red"),
    "a cat --no hats": ("a cat", "hats"),
    "一只猫，没有狗": ("a cat", "a dog"),
    "ein Hund ohne Katze": ("a dog", "a cat"),
    "un perro sin gato": ("a dog", "a cat"),
    "собака без кошки": ("a dog", "a cat"),
    "no entry": ("no entry", ""),
}


@pytest.mark.parametrize(("typed", "text"), READ.items())
def test_what_the_model_is_told(reader: Reader, typed: str, text: str) -> None:
    """Guards against words that vanish, and others that are read into a prompt."""
    reading = reader.read(typed)
    assert (reading.text, reading.negative) == (text, "")


@pytest.mark.parametrize(("typed", "told"), UNWANTED.items())
def test_what_is_not_wanted_is_negative(reader: Reader, typed: str, told: tuple[str, str]) -> None:
    """Guards against a hat that is drawn because it was named."""
    reading = reader.read(typed)
    assert (reading.text, reading.negative) == told


def test_what_was_never_seen_is_said(reader: Reader) -> None:
    """Guards against silence about a word that the model does not know."""
    for typed, word in (("a lathe", "lathe"), ("a red zyzzyva", "zyzzyva"), ("桌子上的猫", "桌子")):
        (note,) = [each for each in reader.read(typed).notes if each.kind is Kind.UNKNOWN]
        assert note.source == word == typed[note.start : note.end]


@pytest.mark.parametrize("typed", [*READ, *UNWANTED])
def test_notes_lie_in_the_typed_text_and_reading_twice_is_the_same(reader: Reader, typed: str) -> None:
    """Guards against marks at the wrong words, and a text that the reader changes again."""
    reading = reader.read(typed)
    for note in reading.notes:
        assert 0 <= note.start < note.end <= len(typed)
        assert note.source == typed[note.start : note.end]
    again = Reader(reader.lexicon).read(reading.text)
    assert again.text == reading.text and not again.negative


def test_training_captions_stay_as_they_are(reader: Reader) -> None:
    """Guards against a reader that changes what the model was taught."""
    nouns = [noun for noun in reader.lexicon.nouns.values() if noun.is_object and noun.article == "a"]
    changed, count = [], 0
    for caption in training_captions(nouns):
        count += 1
        if (text := reader.read(caption).text) != caption:
            changed.append((caption, text))
    assert changed[:5] == [] and count > 3000


def training_captions(nouns: list[Noun]) -> Iterator[str]:
    """Captions of each noun: alone or several, beside another, in a style, on a ground."""
    templates = itertools.cycle([*captions.LABEL_TEMPLATES, *captions.COUNT_TEMPLATES])
    relations, styles = list(captions.RELATION_TEMPLATES.values()), list(captions.STYLE_TEMPLATES)
    grounds = list(captions.BACKGROUND_TEMPLATES)
    for number, (noun, template) in enumerate(zip(nouns, templates, strict=False)):
        several = noun.plural(3) if noun.plural_noun else noun.bare
        other = nouns[(7 * number + 3) % len(nouns)]
        things = template.format(several, bare=noun.bare, one=noun.singular())
        yield things
        yield relations[number % 4][0].format(a=noun.singular("green"), b=other.singular())
        yield styles[number % 4].format(noun.singular(), style="fluent 3d")
        yield grounds[number % 3].format(things, a="an", colour="orange")


def test_prompts_that_are_normally_the_same_are_read_the_same(reader: Reader) -> None:
    """Guards against one space at the end that draws another picture."""
    for typed in ("a red apple", "three dogs, noto style", "一只黑猫"):
        variants = {
            typed + " ",
            "  " + typed,
            typed.replace(" ", "\u00a0"),
            typed.replace(" ", "\r\n"),
            typed + " ,",
        }
        assert {reader.read(each).text for each in variants} == {reader.read(typed).text}


def test_a_taught_word_is_never_read_as_another(reader: Reader) -> None:
    """Guards against a user's own word that is corrected to one of ours."""
    lexicon = dataclasses.replace(reader.lexicon, labels=("a pengiun", "a hawk", *reader.lexicon.labels))
    taught = Reader(lexicon)
    for typed in ("a pengiun", "two hawks on a blue background", "a pengiun next to a hawk"):
        assert taught.read(typed).text == typed


def test_without_labels_a_prompt_is_normalised_alone() -> None:
    assert Reader(Lexicon()).read(" una manzana  roja, no hat").text == "una manzana roja, no hat"


def test_long_texts_are_refused(reader: Reader) -> None:
    """Guards against a text that keeps the machine busy."""
    with pytest.raises(ValueError, match="1,000"):
        reader.read("a" * (MAX_PROMPT_LENGTH + 1))
    assert reader.read(("cat " * 400)[:MAX_PROMPT_LENGTH]).text.startswith("cat cat")


def test_drafts_know_where_their_pieces_came_from() -> None:
    """Guards against spans that a second change moves."""
    draft = Draft.of("a gray woolf").replace(1, 2, "grey").replace(2, 3, "big wolf", Kind.SPELLING)
    assert draft.text == "a grey big wolf"
    assert [(piece.start, piece.end) for piece in draft.pieces] == [(0, 1), (2, 6), (7, 12), (7, 12)]
    assert draft.drop(0, 1).text == "grey big wolf"
    with pytest.raises(ValueError, match="at least one"):
        draft.replace(2, 2, "x")


def test_articles_of_labels() -> None:
    assert ARTICLE.sub("", "An owl") == "owl" and ARTICLE.sub("", "theatre") == "theatre"
