"""Finished pictures on the page: files, HTML, zip, history, links."""

import dataclasses
import io
import zipfile
from pathlib import Path

import pytest
from sd_parsers import ParserManager

from dalle.recipe import Recipe, load_png
from dalle.ui.create.history import MAX_ENTRIES, add_entries, readable_entries
from dalle.ui.shared import links, tiles
from dalle.ui.shared.tiles import EncodedPicture
from tests.fake_studio import FakeStudio

HOSTILE = "</script>\"'<img src=x onerror=alert(1)>{{value}}${1}`"
THUMBNAIL = "data:image/webp;base64,AA=="


def test_a_file_carries_its_recipe(encoded: EncodedPicture, tmp_path: Path) -> None:
    """Guards against downloads that cannot be restored, by us or by a reader that we did not write."""
    path = tmp_path / encoded.file_name
    path.write_bytes(encoded.png)
    assert load_png(path) == encoded.recipe
    parsed = ParserManager().parse(path)
    assert [prompt.value for prompt in parsed.prompts] == ["a red apple"]
    assert str(parsed.samplers[0].parameters["seed"]) == "7"


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A red apple!", "a-red-apple"),
        ("", "picture"),
        ("红苹果", "红苹果"),
        ("../../x", "x"),
    ],
)
def test_files_have_harmless_names(encoded: EncodedPicture, prompt: str, name: str) -> None:
    """Guards against a prompt that names a folder."""
    recipe = dataclasses.replace(encoded.recipe, prompt=prompt)
    assert dataclasses.replace(encoded, recipe=recipe).file_name == f"{name}-7.png"


def test_prompts_are_escaped(encoded: EncodedPicture) -> None:
    """Guards against a link whose prompt runs as a script in the browser of the person it is sent to."""
    hostile = dataclasses.replace(encoded, recipe=dataclasses.replace(encoded.recipe, prompt=HOSTILE))
    for html in (tiles.picture_figure(hostile), tiles.picture_buttons([hostile.data_url], [HOSTILE])):
        assert "<img src=x" not in html and "</script>" not in html


def test_a_zip_holds_every_picture(encoded: EncodedPicture) -> None:
    """Guards against pictures of one name that overwrite each other."""
    packed = links.zip_pictures([encoded, encoded])
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["01-a-red-apple-7.png", "02-a-red-apple-7.png"]
        assert {archive.read(name) for name in archive.namelist()} == {encoded.png}
    assert packed == links.zip_pictures([encoded, encoded])


# --- history


def test_history_keeps_the_newest_once(studio: FakeStudio) -> None:
    """Guards against a history that grows beyond what a browser stores, or shows one picture twice."""
    drawn = [
        EncodedPicture.encode(studio.draw_now(studio.recipe(seed=seed))) for seed in range(MAX_ENTRIES + 5)
    ]
    entries = add_entries([], drawn)
    assert len(entries) == MAX_ENTRIES
    again = add_entries(entries, drawn[3:4])
    recipes = [Recipe.from_query(entry["link"]) for entry in again]
    assert [recipe.seed for recipe in recipes][:3] == [3, 0, 1] and len(again) == MAX_ENTRIES
    assert recipes[0] == drawn[3].recipe
    assert len(repr(again)) < 60_000


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {"link": "seed=1"},
        {"link": "seed=-1", "thumb": THUMBNAIL},
        {"link": "seed=1", "thumb": 'x" onerror="alert(1)'},
        {"link": ["seed=1"], "thumb": THUMBNAIL},
        7,
    ],
)
def test_unreadable_entries_are_left_out_of_the_history(encoded: EncodedPicture, bad: object) -> None:
    """Guards against a page that never opens again because of what an older version stored."""
    good = add_entries([], [encoded])
    assert readable_entries([bad, *good]) == good
    assert readable_entries(bad) == []


# --- links


def test_a_link_gives_its_recipe_back(encoded: EncodedPicture, studio: FakeStudio) -> None:
    query = f"__theme=dark&{encoded.recipe.to_query()}"
    assert links.adapt_recipe(links.recipe_from_query(query), studio) == (encoded.recipe, False)
    assert links.recipe_from_query("__theme=dark&__lang=zh") is None and links.recipe_from_query("") is None


def test_foreign_query_parameters_are_ignored(encoded: EncodedPicture) -> None:
    """Guards against a page that cannot be reloaded once "Use via API" was looked at."""
    query = encoded.recipe.to_query()
    assert links.recipe_from_query(f"{query}&view=api&utm_source=x&fbclid=y") == encoded.recipe
    assert links.recipe_from_query("view=api") is None


@pytest.mark.parametrize(
    "query",
    ["seed=-1", "seed=1&seed=2", "code=AAAA", "nonsense", "prompt=%00", "x=" + "9" * 40_000, "edits=[[["],
)
def test_hostile_links_are_refused(query: str) -> None:
    """Guards against links that crash the page."""
    with pytest.raises(ValueError):
        links.recipe_from_query(query)


@pytest.mark.parametrize("change", [{"checkpoint": "ffff"}, {"size": 64}])
def test_a_recipe_of_another_checkpoint_is_adapted_and_says_so(
    encoded: EncodedPicture, studio: FakeStudio, change: dict
) -> None:
    """Guards against a link that quietly shows another picture than its sender saw."""
    other = dataclasses.replace(encoded.recipe, **change)
    assert links.adapt_recipe(other, studio) == (encoded.recipe, True)
    of_any_checkpoint = dataclasses.replace(encoded.recipe, checkpoint="")
    assert links.adapt_recipe(of_any_checkpoint, studio) == (encoded.recipe, False)
