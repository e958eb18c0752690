"""The README credits every source that the shipped weights learnt from, as their licences ask."""

import re
from pathlib import Path

from dalle.data.sprites.notices import CHANGES, NOTES, licence_name
from dalle.data.sprites.sources import sources

README = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")


def test_the_readme_credits_every_source() -> None:
    """Guards against a new source whose author, licence or count stands nowhere."""
    section = README.split("## Credits and licences")[1]
    for source in sources():
        licence = f"[{licence_name(source.licence)}]({source.licence_url})"
        row = re.escape(f"| [{source.title}]({source.url}) | {source.author} | {licence} | ")
        drawings = rf"[\d,]+ {source.style}" if source.style else "names"
        found = re.findall(rf"^{row}{drawings} \|$", section, re.MULTILINE)
        assert len(found) == (source.subset != "held-out"), source.name
    assert CHANGES in section


def test_notes_are_of_sources_and_in_the_readme() -> None:
    """Guards against a note that no set would show: a renamed source, whose authors would go unnamed."""
    titles = {source.name: source.title for source in sources()}
    for name, note in NOTES.items():
        assert f"- {titles[name]}: {note}.\n" in README
