"""Which drawings are used: no doubles, not too many of one concept, not mostly pictograms."""

from collections import Counter

import numpy as np
from sprite_packages import spec

from dalle.data.sprites.candidates import Candidate
from dalle.data.sprites.measure import THUMBNAIL, Measured
from dalle.data.sprites.naming import Named
from dalle.data.sprites.raster import Artwork
from dalle.data.sprites.selection import MIN_MONOCHROME, Measurement, select

EMOJI = spec("noto", "noto", "emoji", "noto")
ICONS = spec("tabler", "tabler", "icons", "outline icon", limit=1)
ART = spec("openclipart", "openclipart", "clipart", "clip art", limit=30)


def drawing(
    label: str,
    picture: int,
    source=ART,
    colour: str = "colour",
    rank: int = 0,
    defect: str = "",
    name: str = "",
) -> Measurement:
    """A drawing whose thumbnail depends on `picture` alone."""
    pixels = np.random.default_rng(picture).integers(0, 256, 3 * THUMBNAIL**2, dtype=np.uint8).tobytes()
    candidate = Candidate(name or f"{label}-{picture}", Artwork(), (label,))
    return Measurement(
        source, Named(candidate, label, label, rank), Measured((0, 0, 1, 1), colour, pixels, defect)
    )


def kept(drawings: list[Measurement]) -> list[str]:
    return [one.named.candidate.id for one in select(drawings)[0]]


def test_defects_are_left_out_except_of_emoji_sets() -> None:
    """ "white large square" is a square that fills its frame, and belongs to its set."""
    square = "fills its rectangle"
    drawings = [drawing("a", 1, defect=square), drawing("b", 2, EMOJI, defect=square), drawing("c", 3)]
    assert kept(drawings) == ["b-2", "c-3"]
    assert select(drawings)[1] == Counter({("openclipart", square): 1})


def test_the_same_picture_is_used_once() -> None:
    """Two packages ship the same drawing; it would weigh twice, and once under a worse name."""
    drawings = [drawing("hat", 1, rank=1), drawing("cap", 1), drawing("hat", 2, ICONS), drawing("hat", 2)]
    assert kept(drawings) == ["cap-1", "hat-2"]
    _, left_out = select(drawings)
    assert left_out == {
        ("openclipart", "the same picture in this source"): 1,
        ("openclipart", "the same picture of this concept"): 1,
    }


def test_emoji_sets_stay_whole() -> None:
    """A set draws "man running" as it draws "person running": both are right, and both have the style."""
    drawings = [drawing("person running", 1, EMOJI), drawing("man running", 1, EMOJI)]
    assert len(kept(drawings)) == 2


def test_a_source_has_its_limit_of_one_concept() -> None:
    """The better name wins, then the first."""
    drawings = [drawing("hat", 1, ICONS, rank=1), drawing("hat", 2, ICONS), drawing("hat", 3, ICONS)]
    assert kept(drawings) == ["hat-2"]


def test_monochrome_is_capped_by_colour() -> None:
    """Fifteen families of outlines would teach that a bell is black."""
    mono = [drawing("bell", number, colour="monochrome") for number in range(20)]
    colour = [drawing("bell", number) for number in range(100, 106)]
    assert len(kept(mono)) == MIN_MONOCHROME
    assert len(kept(mono + colour)) == 12
    assert set(kept(mono)) < set(kept(mono + colour))
    assert kept(mono[::-1]) == kept(mono)[::-1]
