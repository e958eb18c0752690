"""Scenes of one concept.

| kind | picture | caption |
|---|---|---|
| single | one thing, filling the picture | a name in any language |
| placed | one thing, of any size and anywhere | its size and place, each stated or not |
| colour | one recoloured thing | the colour |
| count | two to six of one concept | their number |
"""

import random
from collections.abc import Callable, Mapping

from dalle.data.scenes import captions
from dalle.data.scenes.facts import Count, HasColour, HasPlace, HasSize
from dalle.data.sprite_scenes import layouts, wording
from dalle.data.sprite_scenes.cast import Cast, Subject
from dalle.data.sprite_scenes.concepts import Role
from dalle.data.sprite_scenes.nouns import plural
from dalle.data.sprite_scenes.plan import Foreground
from dalle.data.sprite_scenes.sampling import Weighted, pick, retry

COUNTS = Weighted({2: 25, 3: 25, 4: 22, 5: 16, 6: 12})
DIGITS_SHARE = 0.2  # of the captions of several things: "3 cats"
REPEATED_EMOJI_SHARE = 0.04  # of those of emoji: the characters themselves
SAME_SPRITE_SHARE = 0.85  # of several things: one drawing repeated
RECOLOURED_SHARE = 0.15  # of several things
LARGE_SHARE, STATED_SIZE_SHARE, STATED_PLACE_SHARE = 0.15, 0.7, 0.85  # of placed things
PLACES = tuple(captions.PLACE_PHRASES)
SIZES = frozenset({"small", "large", "big", "giant"})  # words of labels that need no second one

Kind = Callable[[random.Random], Foreground]
Kinds = Mapping[str, Kind]


class ObjectKinds:
    """Draws foregrounds of one concept."""

    def __init__(self, cast: Cast):
        self._cast, self._names, self._sampler = cast, cast.names, cast.sampler
        self.kinds: Kinds = {
            "single": self._single,
            "placed": self._placed,
            "colour": self._colour,
            "count": self._count,
        }

    def _single(self, rng: random.Random) -> Foreground:
        subject = self._cast.subject(rng, Role.DRAWABLE)
        layers = (self._cast.layer(rng, subject, *layouts.CENTRED),)
        if subject.adjective:
            text = self._names.draw_english(rng, subject.concept, subject.adjective)
            return Foreground(text, layers, frozenset(self._cast.stated(subject)), frozenset())
        name = self._names.draw_caption(rng, subject.concept)
        stated = frozenset({name.fact})  # a rare word, which the annotator does not know: true as well
        return Foreground(name.text, layers, stated, stated, name.english)

    def _placed(self, rng: random.Random) -> Foreground:
        subject = self._cast.subject(rng, Role.OBJECT)
        slug = self._names.slugs[subject.concept]
        place = pick(rng, PLACES)
        if rng.random() < LARGE_SHARE:
            extent = rng.uniform(*layouts.LARGE_SIZES)
            size, place, placement = "large", "middle", (0.5, 0.5, extent)
        else:
            extent = rng.uniform(*layouts.SMALL_SIZES)
            size = "small" if extent <= layouts.SMALL_LIMIT else None
            placement = layouts.placed(rng, place, extent)
        stated, adjective = self._cast.stated(subject), ""
        names_size = not SIZES.isdisjoint(self._names.nouns[subject.concept].bare.split())
        if size and not names_size and rng.random() < STATED_SIZE_SHARE:
            adjective = pick(rng, captions.SIZE_WORDS[size])
            stated.add(HasSize(slug, size))
        text = self._cast.text(subject, adjective)
        if size != "large" and rng.random() < STATED_PLACE_SHARE:
            text = f"{text} {pick(rng, captions.PLACE_PHRASES[place])}"
            stated.add(HasPlace(slug, place))
        layers = (self._cast.layer(rng, subject, *placement),)
        return Foreground(text, layers, frozenset(stated), frozenset())

    def _colour(self, rng: random.Random) -> Foreground:
        def draw() -> Subject | None:
            concept = self._sampler.draw(rng, Role.RECOLOURABLE)
            return self._cast.painted(rng, concept, self._sampler.draw_sprite(rng, concept))

        subject = retry(draw, "thing to paint")
        text = self._names.draw_english(rng, subject.concept, subject.adjective)
        layers = (self._cast.layer(rng, subject, *layouts.CENTRED),)
        return Foreground(text, layers, frozenset(self._cast.stated(subject)), frozenset())

    def _count(self, rng: random.Random) -> Foreground:
        """Things in one sprite, at times in several, at times all recoloured."""
        concept, count = self._sampler.draw(rng, Role.COUNTABLE), COUNTS.draw(rng)
        subject = self._cast.dressed(rng, concept, self._sampler.draw_sprite(rng, concept))
        if rng.random() < RECOLOURED_SHARE and self._sampler.fits(concept, Role.RECOLOURABLE):
            subject = self._cast.painted(rng, concept, subject.sprite) or subject
        subjects = [subject] * count
        if subject.colour is None and rng.random() >= SAME_SPRITE_SHARE:
            subjects = [Subject(concept, self._sampler.draw_sprite(rng, concept)) for _ in range(count)]
        layers = tuple(
            self._cast.layer(rng, one, *placement)
            for one, placement in zip(subjects, layouts.counted(rng, count), strict=True)
        )
        slug, character = self._names.slugs[concept], self._names.concepts[concept].emoji
        stated = {*self._cast.stated(subject), Count(slug, count)}
        if character and rng.random() < REPEATED_EMOJI_SHARE:
            text = character * count
            stated -= {HasColour(slug, subject.adjective)}
        else:
            in_digits = rng.random() < DIGITS_SHARE
            words = plural(self._names.nouns[concept], count, subject.adjective, in_digits)
            text = wording.COUNT_TEMPLATES.draw(rng).format(words)
        return Foreground(text, layers, frozenset(stated), frozenset())
