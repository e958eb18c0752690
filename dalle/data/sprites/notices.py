"""Credits of a set of sprites as Markdown, for README and model card; and a summary for the terminal."""

from dalle.data.sprites.sprite_set import Source, SpriteSet

HEADER = "| Source | By | Licence | Drawings, style |"  # four columns: more do not fit on a phone
RULE = "|---|---|---|---|"

CHANGES = (
    "For training, the drawings were changed: rasterised, cropped, recoloured, given other materials and "
    "looks, and composed into scenes. They themselves are no part of the weights."
)
NOTES = {  # name of a source -> what its licence asks for beyond the table, or what the table has no room for
    "game-icons": (
        "under [CC BY 3.0](https://creativecommons.org/licenses/by/3.0/); icons made by Lorc, Delapouite, "
        "John Colburn, Felbrigg, John Redman, Carl Olsen, Sbed, PriorBlue, Willdabeast, Viscious Speed, "
        "Lord Berandas, Irongamer, HeavenlyDog, Lucas, Faithtoken, Skoll, Andy Meneely, Cathelineau, "
        "Kier Heyl, Aussiesim, Sparker, Zeromancer, Rihlsul, Quoting, Guard13007, DarkZaitzev, SpencerDub, "
        "GeneralAce135, Zajkonur, Catsu, Starseeker, Pepijn Poolman, Pierre Leducq and Caro Asercion"
    ),
    "openclipart": (
        "given to the public domain by their authors, whom the `index.json` of the built set "
        "(`python -m dalle dataset sprites`) names drawing by drawing"
    ),
}


def credits(sprites: SpriteSet) -> str:
    """All that the licences ask to say of a set: a table of its sources, notes on some, what was changed."""
    table = [HEADER, RULE, *map(_row, sprites.sources)]
    notes = [f"- {each.title}: {NOTES[each.name]}." for each in sprites.sources if each.name in NOTES]
    return "\n\n".join("\n".join(part) for part in (table, notes, [CHANGES]) if part)


def _row(source: Source) -> str:
    """How many drawings of a source are in the set; one without any gave names of concepts."""
    count = source.colour + source.monochrome
    cells = (
        f"[{source.title}]({source.url})",
        source.author,
        f"[{licence_name(source.licence)}]({source.licence_url})",
        f"{count:,} {source.style}" if count else "names",
    )
    return f"| {' | '.join(cells)} |"


def licence_name(spdx: str) -> str:
    """An SPDX expression for readers: "Public-Domain" for "LicenseRef-Public-Domain"."""
    return spdx.replace("LicenseRef-", "")


def summary(sprites: SpriteSet) -> str:
    """What a person should know of a set: a line for each source, then counts and digest."""
    lines = [f"{'style':<22}{'colour':>8}{'mono':>8}{'left out':>10}  licence"]
    for source in sprites.sources:
        if source.style:
            counts = f"{source.colour:>8,}{source.monochrome:>8,}{sum(source.left_out.values()):>10,}"
            lines.append(f"{source.style:<22}{counts}  {source.licence}")
    share = len(sprites.colour) / max(1, len(sprites.sprites))
    kinds = [concept.kind for concept in sprites.concepts]
    lines.append(
        f"{len(sprites.sprites):,} sprites ({share:.0%} in colour) of "
        f"{len(kinds):,} concepts ({kinds.count('emoji'):,} emoji, {kinds.count('noun'):,} nouns, "
        f"{kinds.count('composition'):,} compositions) at {sprites.size}x{sprites.size} pixels; "
        f"digest {sprites.digest[:16]}"
    )
    return "\n".join(lines)
