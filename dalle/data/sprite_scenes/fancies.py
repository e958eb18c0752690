"""Scenes that no source has drawn.

| kind | picture | caption |
|---|---|---|
| material | one thing or two, of gold, ice and so on, or with a pattern | the material |
| look | one thing, two or several, redrawn as pixel art and so on | the look |
| mashup | one thing's picture in the outline of another | both, and how they are joined |
"""

import random
from dataclasses import replace

from dalle.data.scenes.facts import Fact, HasColour, HasConcept, HasFill, HasLook, HasMaterial, facts_of_type
from dalle.data.sprite_scenes import layouts, wording
from dalle.data.sprite_scenes.annotate import COLOURLESS_LOOKS
from dalle.data.sprite_scenes.cast import Cast, Subject
from dalle.data.sprite_scenes.concepts import Role
from dalle.data.sprite_scenes.objects import Kinds, ObjectKinds
from dalle.data.sprite_scenes.pairs import PairKinds
from dalle.data.sprite_scenes.plan import LOOKS, MATERIALS, Foreground, Layer
from dalle.data.sprite_scenes.sampling import Weighted, pick, retry

TWO_MATERIALS_SHARE = 0.2
LOOK_KINDS = Weighted({"plain": 70, "pair": 15, "count": 15})  # what a look shows
# Labels with a word of these have a material already: no "gold gold medal".
MATERIAL_WORDS = frozenset(
    "gold golden silver bronze wood wooden ice glass crystal stone rock paper rubber straw rainbow".split()
)
FILL_GROUPS = Weighted({"animals & nature": 3, "food & drink": 4, "food": 2, "plant": 1, "animal": 1})
MIN_SHAPE, MIN_FILL = 0.28, 0.4  # of the square: how much of it the outline, and the filling, cover


class FancyKinds:
    """Draws foregrounds with materials, looks and mashups."""

    def __init__(self, cast: Cast, objects: ObjectKinds, pairs: PairKinds):
        self._cast, self._names, self._sampler = cast, cast.names, cast.sampler
        self._others: Kinds = {**objects.kinds, **pairs.kinds}
        concepts = cast.properties.sprites.concepts
        self._fills = {
            group: [
                at
                for at in self._sampler.concepts
                if concepts[at].group == group and self._sampler.fits(at, Role.OBJECT)
            ]
            for group in FILL_GROUPS.options
        }
        self.kinds: Kinds = {"material": self._material, "look": self._look, "mashup": self._mashup}

    def _material(self, rng: random.Random) -> Foreground:
        if rng.random() < TWO_MATERIALS_SHARE:
            return self._two_materials(rng)
        subject, material = self._draw_shape(rng), pick(rng, MATERIALS)
        slug = self._names.slugs[subject.concept]
        layers = (self._cast.layer(rng, subject, *layouts.CENTRED, material=material),)
        stated = frozenset({HasConcept(slug), HasMaterial(slug, material)})
        text = self._of_material(rng, subject, material)
        return Foreground(text, layers, stated, frozenset())

    def _two_materials(self, rng: random.Random) -> Foreground:
        def draw() -> tuple[Subject, Subject] | None:
            concepts = self._cast.two_concepts(rng, Role.RECOLOURABLE)
            if concepts is None or not all(map(self._is_plain, concepts)):
                return None
            sprites = self._sampler.draw_same_style(rng, *concepts)
            return Subject(concepts[0], sprites[0]), Subject(concepts[1], sprites[1])

        subjects = retry(draw, "two things of some material")
        materials = rng.sample(MATERIALS, 2)
        layers, texts, stated = [], [], set[Fact]()
        for subject, material, placement in zip(subjects, materials, layouts.beside(rng), strict=True):
            slug = self._names.slugs[subject.concept]
            layers.append(self._cast.layer(rng, subject, *placement, material=material))
            texts.append(self._of_material(rng, subject, material))
            stated |= {HasConcept(slug), HasMaterial(slug, material)}
        text = pick(rng, ("{} and {}", "{} next to {}")).format(*texts)
        return Foreground(text, tuple(layers), frozenset(stated), frozenset())

    def _of_material(self, rng: random.Random, subject: Subject, material: str) -> str:
        noun = self._names.nouns[subject.concept]
        template = pick(rng, wording.MATERIAL_TEMPLATES[material])
        if noun.article == "a":
            return wording.with_article(template.format(bare=noun.bare, one=noun.singular()))
        text = template.format(bare=noun.bare, one=noun.bare)  # "striped trousers"
        return text if template.startswith("{one}") else text.split(" ", 1)[1]

    def _look(self, rng: random.Random) -> Foreground:
        look, draw = pick(rng, LOOKS), LOOK_KINDS.draw(rng)

        def draw_base() -> Foreground | None:
            base = self._draw_plain(rng) if draw == "plain" else self._others[draw](rng)
            is_drawing = wording.NAMES_DRAWING.match(base.text)  # no "silhouette of a picture of"
            loses_colour = look in COLOURLESS_LOOKS and facts_of_type(base.stated, HasColour)
            return None if is_drawing or loses_colour else base

        base = retry(draw_base, "things that a look can show")
        return replace(
            base,
            text=wording.with_look(rng, base.text, look),
            stated=base.stated | {HasLook(look)},
            look=look,
        )

    def _draw_plain(self, rng: random.Random) -> Foreground:
        """One thing as it was drawn; a monochrome one in black."""
        concept = self._sampler.draw(rng, Role.OBJECT)
        subject = Subject(concept, self._sampler.draw_sprite(rng, concept))
        return Foreground(
            self._cast.text(subject),
            (self._cast.layer(rng, subject, *layouts.CENTRED),),
            frozenset(self._cast.stated(subject)),
            frozenset(),
        )

    def _mashup(self, rng: random.Random) -> Foreground:
        def draw() -> tuple[Subject, int] | None:
            shape, fill = self._draw_shape(rng), self._draw_fill(rng)
            if not self._sampler.fits(shape.concept, Role.COUNTABLE):  # "blueberries that looks like"
                return None
            slugs = (
                self._names.slugs[shape.concept],
                self._names.slugs[self._cast.properties.concept_index(fill)],
            )
            return (shape, fill) if slugs[0] != slugs[1] and self._cast.may_meet(*slugs) else None

        shape, fill = retry(draw, "two things to join")
        filling = self._cast.properties.concept_index(fill)
        slugs = self._names.slugs[shape.concept], self._names.slugs[filling]
        text = pick(rng, wording.MASHUP_TEMPLATES).format(
            shape=self._names.nouns[shape.concept].singular(),
            fill=self._names.nouns[filling].singular(),
            fills=self._names.nouns[filling].plural_noun or self._names.nouns[filling].bare,
        )
        layer = Layer(shape.sprite, *layouts.CENTRED, fill=fill)
        return Foreground(text, (layer,), frozenset({HasFill(*slugs)}), frozenset())

    # --- what is drawn from

    def _draw_shape(self, rng: random.Random) -> Subject:
        """A solid thing of no material yet."""

        def draw() -> Subject | None:
            concept = self._sampler.draw(rng, Role.RECOLOURABLE)
            sprite = self._sampler.draw_sprite(rng, concept)
            solid = self._cast.properties.coverage(sprite) >= MIN_SHAPE
            return Subject(concept, sprite) if solid and self._is_plain(concept) else None

        return retry(draw, "solid thing")

    def _draw_fill(self, rng: random.Random) -> int:
        """A sprite in colour that covers most of its square."""

        def draw() -> int | None:
            group = self._fills[FILL_GROUPS.draw(rng)]
            if not group:
                return None
            sprite = self._sampler.draw_sprite(rng, pick(rng, group))
            properties = self._cast.properties
            covers = properties.coverage(sprite) >= MIN_FILL and not properties.is_monochrome(sprite)
            return sprite if covers else None

        return retry(draw, "thing to fill another with")

    def _is_plain(self, concept: int) -> bool:
        return MATERIAL_WORDS.isdisjoint(self._names.nouns[concept].bare.split())
