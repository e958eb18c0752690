"""Small npm packages of icons and names, and an npm that installs them."""

import json
import stat
import sys
from pathlib import Path

SIZE = 16
BUILT_STYLES = ("noto", "fxemoji")
EMOJI = [  # hexcode, label, group, subgroup
    ("1F44B", "waving hand", 1, 0),
    ("1F3C3", "person running", 1, 1),
    ("1F3C3-200D-2642-FE0F", "man running", 1, 1),
    ("1F9D1-200D-1F33E", "farmer", 1, 1),
    ("1F469-200D-1F33E", "woman farmer", 1, 1),
    ("1F46A", "family", 1, 1),
    ("1F468-200D-1F466", "family: man, boy", 1, 1),
    ("1F34E", "red apple", 4, 2),
    ("23F0", "alarm clock", 5, 3),
    ("26F8-FE0F", "ice skate", 5, 3),
    ("1F519", "BACK arrow", 8, 4),
    ("0023-FE0F-20E3", "keycap: #", 8, 5),
    ("1F197", "OK button", 8, 6),
    ("1F3C1", "chequered flag", 9, 7),
    ("1F1E9-1F1EA", "flag: Germany", 9, 8),
]
LEFT_OUT_SLUGS = {"back-arrow", "keycap", "ok-button", "flag-germany"}
GROUPS = {
    1: "people & body",
    2: "components",
    4: "food & drink",
    5: "travel & places",
    8: "symbols",
    9: "flags",
}
SUBGROUPS = [
    "hand-fingers-open",
    "person-sport",
    "food-fruit",
    "time",
    "arrow",
    "keycap",
    "alphanum",
    "flag",
    "country-flag",
]
NOTO = {
    "waving-hand": "#ff0000",
    "waving-hand-dark-skin-tone": "#00ff00",
    "person-running": "#ff0000",
    "man-running": "#ff0000",
    "farmer": "#ff0000",
    "woman-farmer": "#ff0000",
    "family": "#ff0000",
    "family-man-boy": "#ff0000",
    "red-apple": "#0000ff",
    "ice-skate": None,  # draws nothing
    "back-arrow": "#ff0000",
    "keycap": "#ff0000",
    "ok-button": "#ff0000",
    "chequered-flag": "#ff0000",
    "flag-for-flag-germany": "#ff0000",
    "flag-germany": "#ff0000",
    "dodo-rollerskate": "#ff0000",
}
FXEMOJI = {"alarmclock": "#00ff00", "runner": "#ff00ff", "REDAPPLE": "#ffff00"}


def write_json(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), encoding="utf-8")


def write_names(package: Path) -> None:
    """A small emojibase-data: English, and a German that lacks a word for the ice skate."""
    english = [
        {
            "hexcode": hexcode,
            "label": label,
            "emoji": hexcode,
            "order": order,
            "group": group,
            "subgroup": subgroup,
            "tags": [f"{label} tag"],
        }
        for order, (hexcode, label, group, subgroup) in enumerate(EMOJI)
    ]
    english[0]["skins"] = [{"hexcode": "1F44B-1F3FF", "label": "waving hand: dark skin tone"}]
    english.append({"hexcode": "1F1E9", "label": "regional indicator D", "emoji": "D"})
    german = [entry | {"label": f"{entry['label']} auf Deutsch"} for entry in english]
    del german[9]["label"]
    write_json(package / "en" / "data.json", english)
    write_json(package / "de" / "data.json", german)
    write_json(
        package / "en" / "messages.json",
        {
            "groups": [{"order": order, "message": name} for order, name in GROUPS.items()],
            "subgroups": [{"order": order, "key": name} for order, name in enumerate(SUBGROUPS)],
        },
    )
    write_json(
        package / "en" / "shortcodes" / "chat.json", {"1F3C3": ["jogger"], "1F9D1-200D-1F33E": "jogger"}
    )
    write_json(
        package / "package.json",
        {"name": "emojibase-data", "version": "17.0.0", "author": "A", "license": "MIT"},
    )


def write_icon_set(package: Path, icons: dict[str, str | None], characters: dict[str, str]) -> None:
    """A small Iconify set of squares: icon -> fill colour, None for an icon that shows nothing."""
    name = package.name
    square = '<path id="{}" fill="{}" d="M0 0h10v10H0z"/>'
    entries = {
        icon: {"body": square.format(icon, colour) if colour else "<g/>"} for icon, colour in icons.items()
    }
    write_json(package / "icons.json", {"icons": entries, "width": 10, "height": 10})
    write_json(package / "chars.json", characters)
    licence = {"spdx": "MIT", "url": f"https://{name}.test/licence"}
    author = {"name": f"the {name} people", "url": f"https://{name}.test"}
    write_json(package / "info.json", {"name": name, "author": author, "license": licence})
    write_json(package / "package.json", {"name": f"@iconify-json/{name}", "version": "1.0.0"})


def fake_npm(folder: Path, packages: Path, fails: bool = False) -> Path:
    """An npm that copies the requested packages, and writes its arguments and the request to npm.log."""
    npm = folder / "npm"
    failure = "print('npm error code E418', file=sys.stderr); sys.exit(1)" if fails else ""
    npm.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, shutil, sys\n"
        "wanted = json.load(open('package.json'))['dependencies']\n"
        f"json.dump([sys.argv[1:], wanted], open({str(folder / 'npm.log')!r}, 'w'))\n"
        f"{failure}\n"
        "for name in wanted:\n"
        f"    shutil.copytree(pathlib.Path({str(packages)!r}) / name, pathlib.Path('node_modules') / name)\n"
    )
    npm.chmod(npm.stat().st_mode | stat.S_IEXEC)
    return npm
