"""Credits: what a set of sprites was made from, as Markdown for README, NOTICE and model card."""

from dalle.data.sprites.sprite_set import Source, SpriteSet

HEADER = "| Source | Style | Author | Licence | Colour | Monochrome | Left out |"
RULE = "|---|---|---|---|---:|---:|---:|"


def licence_table(sprites: SpriteSet) -> str:
    """A Markdown table of the sources, with how many drawings of each are in the set and how many are not."""
    return "\n".join([HEADER, RULE, *map(_row, sprites.sources)])


def _row(source: Source) -> str:
    cells = (
        f"[{source.title}]({source.url}) `{source.package}` {source.version}",
        source.style,
        source.author,
        f"[{source.licence}]({source.licence_url})",
        f"{source.colour:,}",
        f"{source.monochrome:,}",
        f"{sum(source.left_out.values()):,}",
    )
    return f"| {' | '.join(cells)} |"


def credits(sprites: SpriteSet) -> dict[str, list[str]]:
    """The authors whom a source names drawing by drawing, in alphabetical order, by the source's name."""
    found: dict[str, set[str]] = {}
    for sprite in sprites.sprites:
        if sprite.credit:
            found.setdefault(sprites.sources[sprite.source].name, set()).add(sprite.credit)
    return {source: sorted(authors, key=str.casefold) for source, authors in found.items()}


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
