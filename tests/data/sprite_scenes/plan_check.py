"""Checks of one plan: what must hold of every plan, whatever its kind."""

from dalle.data.scenes.scene import held_out_colour, held_out_pair
from dalle.data.sprite_scenes.plan import MAX_LAYERS, ScenePlan
from dalle.data.sprite_scenes.properties import SpriteProperties

MARGIN = 0.02  # of the picture: how far a visible part may reach beyond it


def check(plan: ScenePlan, properties: SpriteProperties, held_out: bool = False) -> None:
    """AssertionError where a plan says what is not so, leaves the picture, or shows what it must not."""
    assert plan.caption.strip() == plan.caption and plan.caption, plan
    assert "  " not in plan.caption and "{" not in plan.caption, plan.caption
    assert plan.stated <= plan.facts, (plan.caption, plan.stated - plan.facts)
    assert len(plan.layers) <= MAX_LAYERS
    for layer in plan.layers:
        left, top, right, bottom = properties.box(layer.sprite)
        if layer.flipped:
            left, right = -right, -left
        assert layer.x + left * layer.size >= -MARGIN and layer.x + right * layer.size <= 1 + MARGIN, plan
        assert layer.y + top * layer.size >= -MARGIN and layer.y + bottom * layer.size <= 1 + MARGIN, plan
        concept = properties.concept(layer.sprite)
        if layer.colour and layer.colour not in concept.label.split():
            assert held_out_colour(concept.slug, layer.colour) == held_out, plan
    shown = {properties.concept(layer.sprite).slug for layer in plan.layers}
    shown |= {properties.concept(layer.fill).slug for layer in plan.layers if layer.fill is not None}
    if len(shown) == 2:
        first, second = sorted(shown)
        assert held_out_pair(first, second) == held_out, plan
    assert plan.outline is None or abs(plan.outline) < 4
