"""Scenes that no source has drawn.

| kind | picture | caption |
|---|---|---|
| material | one thing or two, of gold, ice and so on, or with a pattern | the material |
| look | one thing, two or several, redrawn as pixel art and so on | the look |
| mashup | one thing's picture in the outline of another | both, and how they are joined |
"""

import random

from dalle.data.scenes.facts import Fact, HasConcept, HasFill, HasLook, HasMaterial
from dalle.data.sprite_scenes import layouts, wording
from dalle.data.sprite_scenes.annotate import COLOURLESS_LOOKS
from dalle.data.sprite_scenes.cast import Cast, Subject
from dalle.data.sprite_scenes.concepts import Role
from dalle.data.sprite_scenes.objects import Kinds, ObjectKinds
from dalle.data.sprite_scenes.pairs import PairKinds
from dalle.data.sprite_scenes.plan import LOOKS, MATERIALS, Foreground, Layer
from dalle.data.sprite_scenes.sampling import Weighted, pick, retry

TWO_MATERIALS_SHARE = 0.2
PLAIN_LOOK_SHARE = 0.7  # of looks: of one thing
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
        self._objects, self._pairs = objects, pairs
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
        return Foreground(text, layers, stated, frozenset(), states_colour=True)

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
        return Foreground(text, tuple(layers), frozenset(stated), frozenset(), states_colour=True)

    def _of_material(self, rng: random.Random, subject: Subject, material: str) -> str:
        noun = self._names.nouns[subject.concept]
        template = pick(rng, wording.MATERIAL_TEMPLATES[material])
        if noun.article == "a":
            return wording.with_article(template.format(bare=noun.bare, one=noun.singular()))
        text = template.format(bare=noun.bare, one=noun.bare)  # "striped trousers"
        return text if template.startswith("{one}") else text.split(" ", 1)[1]

    def _look(self, rng: random.Random) -> Foreground:
        look = pick(rng, LOOKS)
        position = rng.random()
        if position < PLAIN_LOOK_SHARE:
            subject = Subject(
                concept := self._sampler.draw(rng, Role.OBJECT), self._sampler.draw_sprite(rng, concept)
            )
            base = Foreground(
                self._cast.text(subject),
                (self._cast.layer(rng, subject, *layouts.CENTRED),),
                frozenset(self._cast.stated(subject)),
                frozenset(),
                states_colour=self._cast.states_colour(subject),
            )
        else:
            base = (self._pairs.kinds["pair"] if position < 0.85 else self._objects.kinds["count"])(rng)
        return Foreground(
            wording.with_look(rng, base.text, look),
            base.layers,
            base.stated | {HasLook(look)},
            base.facts,
            base.english,
            base.states_colour or look in COLOURLESS_LOOKS,
            look,
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
        return Foreground(text, (layer,), frozenset({HasFill(*slugs)}), frozenset(), states_colour=True)

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
