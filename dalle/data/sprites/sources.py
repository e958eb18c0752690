"""Which packages the drawings come from: the tables sources.tsv and packages.tsv, as values.

A source is one set of drawings in one style under one licence. A package is what npm or Debian delivers;
one package may hold several sources. `subset` says what a source is for:

    training    the drawings that models are trained on
    held-out    never in a training set; built apart, as drawings that no model has seen
    words       no drawings, but the names of concepts
"""

from dataclasses import dataclass, field

from dalle.data.sprites.tables import rows

SUBSETS = ("training", "held-out")
READERS = ("emoji", "codepoints", "icons", "clipart", "names", "words")
LICENCES = frozenset(  # what may be trained on and shipped; share-alike and non-commercial terms may not
    {
        "Apache-2.0",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC0-1.0",
        "LicenseRef-Public-Domain",
        "MIT",
        "MIT AND LicenseRef-WordNet-3.0",
        "MIT AND Unicode-3.0",
    }
)


@dataclass(frozen=True)
class Package:
    """A package at an exact version, with the digest ("sha512-" and base64) of its archive."""

    name: str
    version: str
    origin: str  # "npm" or "debian"
    integrity: str


@dataclass(frozen=True)
class SourceSpec:
    """One set of drawings: where it is, how it is read, and whom to credit."""

    name: str
    package: str
    member: str  # the file or folder within the package, where the reader needs to be told
    reader: str  # one of READERS
    style: str  # what a caption calls the style: "clip art" for "a cat, clip art style"
    subset: str  # one of SUBSETS, or "words"
    variants: tuple[str, ...]  # suffixes of an icon's name that tell variants of one drawing, best first
    limit: int  # drawings of one concept, at most
    title: str
    author: str
    url: str
    licence: str  # SPDX
    licence_url: str


def packages() -> dict[str, Package]:
    """All packages by name."""
    return {row["package"]: Package(*row.values()) for row in rows("packages")}


def sources() -> tuple[SourceSpec, ...]:
    """All sources in the order of the set. Raises ValueError where the table contradicts itself."""
    specs = tuple(_spec(row) for row in rows("sources"))
    known = packages()
    styles = [spec.style for spec in specs if spec.style]
    if twice := {style for style in styles if styles.count(style) > 1}:
        raise ValueError(f"sources.tsv: two sources have the style {sorted(twice)[0]!r}")
    for spec in specs:
        if spec.package not in known or spec.reader not in READERS or spec.licence not in LICENCES:
            raise ValueError(
                f"sources.tsv: {spec.name!r} has package {spec.package!r}, reader {spec.reader!r} and "
                f"licence {spec.licence!r}; one of them is unknown"
            )
    return specs


def _spec(row: dict[str, str]) -> SourceSpec:
    variants = tuple(row.pop("variants").split("|"))
    return SourceSpec(
        row["source"],
        row["package"],
        row["member"],
        row["reader"],
        row["style"],
        row["subset"],
        variants if variants != ("",) else (),
        int(row["limit"]),
        row["title"],
        row["author"],
        row["url"],
        row["licence"],
        row["licence_url"],
    )


@dataclass(frozen=True)
class Catalogue:
    """The sources and packages that a build draws from."""

    sources: tuple[SourceSpec, ...] = field(default_factory=sources)
    packages: dict[str, Package] = field(default_factory=packages)

    def members(self, package: str) -> set[str]:
        """The files that are needed of a package; all where empty."""
        return {spec.member for spec in self.sources if spec.package == package and spec.member}
