"""Laws of the page's parts, without a browser: words, settings, shapes, history, links, endpoints."""

import dataclasses
import io
import re
import zipfile
from pathlib import Path
from string import Formatter
from types import SimpleNamespace

import pytest
from PIL import Image
from sd_parsers import ParserManager

import dalle.ui
from dalle import images
from dalle.edits import SIDES, read_all
from dalle.errors import ENGLISH, error_message
from dalle.finetuning.plan import PRESETS
from dalle.recipe import CODE, SEEDS, Recipe, load_png
from dalle.ui.create.form import EXAMPLES, OFFERED, GenerationForm
from dalle.ui.create.history import KEPT, added, readable
from dalle.ui.create.traversal import PAD, STRIP, traversal_recipes
from dalle.ui.edit.results import ACTIONS
from dalle.ui.edit.tools import CONTROLS
from dalle.ui.page import preferred
from dalle.ui.shared import about, latent_sliders, links, tiles
from dalle.ui.shared.events import error_text
from dalle.ui.shared.open_picture import END, UNDOS, OpenPicture
from dalle.ui.shared.texts import LANGUAGES, TABLE, TAGS, Translator
from dalle.ui.shared.tiles import EncodedPicture
from dalle.ui.teach.run_monitor import BUTTONS
from tests.sketch import Sketch

SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in Path(dalle.ui.__file__).parent.glob("*.py"))
STATES = "waiting preparing training saving done stopped failed interrupted".split()
PROBLEMS = "unreadable duplicate small orphan caption refused ignored removed".split()
WILD = "</script>\"'<img src=x onerror=alert(1)>{{value}}${1}`"


@pytest.fixture
def studio() -> Sketch:
    return Sketch()


@pytest.fixture
def tile(studio: Sketch) -> EncodedPicture:
    return EncodedPicture.of(studio.slide(studio.recipe(prompt="a red apple", seed=7)))


@pytest.fixture
def shape(studio: Sketch) -> OpenPicture:
    return OpenPicture.opened(studio.recipe(prompt="a red apple", seed=7), studio.codes)


# --- words


def test_both_languages_say_everything() -> None:
    """Guards against a text that one language lacks, or whose blanks differ."""
    for key, texts in TABLE.items():
        assert len(texts) == len(LANGUAGES) and all(text.strip() for text in texts), key
        blanks = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in texts]
        assert blanks[0] == blanks[1], key
    assert TAGS.keys() == LANGUAGES.keys() == EXAMPLES.keys()


def test_chinese_is_chinese() -> None:
    """Guards against a text that was never translated; names of icon sets stay as they are."""
    chinese = re.compile(r"[\u4e00-\u9fff]")
    names = {"style_noto", "style_twemoji", "style_fxemoji", "style_emojione", "list_join"}
    assert [key for key, (_, text) in TABLE.items() if key not in names and not chinese.search(text)] == []


def test_every_text_is_used_and_every_used_text_is_there() -> None:
    """Guards against words left over in the table, and against a KeyError when something rare happens."""
    patterns = (
        r'say\(\s*[\'"](\w+)',
        r'(?:told|excuse)\([^"\n]+, "(\w+)"',
        r'Say\(\w+\)\("(\w+)"',
        r'excuse\(.*"(\w+)"',
        r'spoken\.(?:heading|upload)\(\s*"(\w+)"',
    )
    used = {key for pattern in patterns for key in re.findall(pattern, SOURCE)} | {"failed"}
    used |= {f"style_{style}" for style in OFFERED}
    used |= set("undo reset nudge resample download copy_link keep reuse edit clear_sure".split())
    used |= {f"run_{name}" for name in BUTTONS} | {f"state_{state}" for state in STATES}
    used |= {f"preset_{name}" for name in PRESETS} | {f"problem_{kind}" for kind in PROBLEMS}
    used |= {f"teach_{name}" for name in "count matched by_folder by_name uncaptioned problems".split()}
    used |= {f"teach_step_{number}" for number in (1, 2, 3)} | {"run_sure", "forget_sure"}
    used |= {"needs_file", "edit_other", *ACTIONS, *(f"tool_{tool}" for tool in CONTROLS)}
    used |= {f"side_{side}" for side in SIDES}
    used |= {f"edit_{name}{rest}" for name in ("amount", "keep", "room") for rest in ("", "_info")}
    used |= {f"edit_{name}{rest}" for name in ("wanted", "beside") for rest in ("", "_hint")}
    used |= {f"edit_{name}" for name in ("look", "side", "factor")}
    used |= {f"why_{code}" for code in ENGLISH}
    assert used == TABLE.keys()


def test_every_reason_is_given_by_the_library() -> None:
    """Guards against reasons left over in the table, and against one that is told in English alone."""
    library = "\n".join(
        path.read_text(encoding="utf-8") for path in Path(dalle.__file__).parent.rglob("*.py")
    )
    given = re.findall(r'(?:reason|Refused|ImageError|FolderError)\(\s*"(\w+)"', library)
    assert set(given) == ENGLISH.keys()


def test_reasons_are_told_in_both_languages() -> None:
    """Guards against a reason within a reason that stays in English."""
    inner = error_message("unpacked", size="3 MiB", most="1 MiB")
    outer = error_message("not_taken", name="{x}.png", reason=inner)
    assert str(outer) == Translator("en").why(outer) == f"{{x}}.png is not taken: {inner}"
    assert Translator("zh").why(outer) == "未接收 {x}.png：解压后有 3 MiB，每个文件最多 1 MiB"
    assert error_text(Translator("zh"), images.ImageError("empty"), "edit_bad_file") == (
        "无法打开此文件：文件是空的；请换一个，或从原处重新复制"
    )


def test_a_card_shows_no_picture_by_reference(tmp_path: Path) -> None:
    """Guards against a picture from elsewhere whose address stands apart, and one put together at a seam."""
    for text in ("!![x][r]", "!![a](b)[x][r]", "![x]"):
        told = about.card(SimpleNamespace(card=f"{text}\n\n[r]: http://evil/p.png", folder=tmp_path))
        assert "!" not in told


def test_a_slider_cannot_leave_its_style_sheet() -> None:
    """Guards against a checkpoint that somebody brought, whose words end a text of the style sheet."""
    for odd in ("\f", "\r", "\n", '"', "<", "\x00", "\x7f"):
        assert odd not in latent_sliders._css_text(f"a{odd}b")[1:-1]


def test_what_others_add_to_an_address_is_passed_over(tile: EncodedPicture) -> None:
    """Guards against a page that cannot be reloaded once "Use via API" was looked at."""
    query = tile.recipe.to_query()
    assert links.from_query(f"{query}&view=api&utm_source=x&fbclid=y") == tile.recipe
    assert links.from_query("view=api") is None


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("seed=-1", "seed 应是 0 到 4294967295 的整数"),
        ("prompt=a&prompt=b", "链接中 'prompt' 出现了两次"),
        ("steps={", "无法读取 steps"),
        ("version=9", "配方中有版本 9"),
        ('edits=[{"kind":"explode"}]', "kind 应是 open, vary"),
    ],
)
def test_a_bad_link_is_told_in_the_pages_language(query: str, told: str) -> None:
    """Guards against a Chinese page that explains a broken link in English."""
    with pytest.raises(ValueError) as caught:
        read_all(Recipe.from_query(query))
    assert told in error_text(Translator("zh"), caught.value, "link_bad")


def test_a_language_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="'de'"):
        Translator("de")


@pytest.mark.parametrize(
    ("header", "language"),
    [("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("de-DE, zh;q=0.5", "zh"), ("fr", "en"), (";;,,", "en")],
)
def test_the_browser_names_its_language(header: str, language: str) -> None:
    assert preferred(header) == language


# --- settings


@pytest.mark.parametrize("style", ["", *OFFERED])
def test_settings_come_back_from_their_recipe(studio: Sketch, style: str) -> None:
    """Guards against a restored picture that would be drawn with another prompt, style or number."""
    settings = GenerationForm("a red apple, on a plate", style, 3, "a worm", 4.5, 20, 99, fresh=False)
    recipes = settings.recipes(studio)
    assert [recipe.seed for recipe in recipes] == [99, 100, 101]
    assert dataclasses.replace(settings, prompt="", style="").like(recipes[0]) == settings


def test_a_style_that_is_not_offered_stays_in_the_prompt(studio: Sketch) -> None:
    """Guards against a restored prompt that loses words for which there is no button."""
    recipe = studio.recipe(prompt="a cat, openmoji style")
    assert GenerationForm().like(recipe).prompt == recipe.prompt


def test_seeds_wrap_and_are_new_when_asked(studio: Sketch) -> None:
    last = GenerationForm(count=2, seed=SEEDS - 1, fresh=False)
    assert [recipe.seed for recipe in last.recipes(studio)] == [SEEDS - 1, 0]
    assert last.seeded() == last
    fresh = GenerationForm(seed=5)
    assert len({fresh.seeded().seed for _ in range(5)}) > 1


@pytest.mark.parametrize("bad", [{"count": 0}, {"count": 17}, {"style": "cubist"}, {"prompt": "x" * 1001}])
def test_settings_out_of_bounds_are_refused(studio: Sketch, bad: dict) -> None:
    """Guards against thousands of pictures in one request to the endpoint."""
    with pytest.raises(ValueError, match=next(iter(bad))):
        GenerationForm(**bad).recipes(studio)


# --- shapes


def test_sliders_at_their_own_value_change_nothing(studio: Sketch, shape: OpenPicture) -> None:
    """Guards against a code that is rounded, or clipped at 3, because a slider shows it so."""
    assert shape.moved(shape.sliders()) is shape
    far = OpenPicture.opened(studio.recipe(code=(4.4321, -5.0, *shape.code[2:])), studio.codes)
    assert far.sliders()[:2] == (END, -END)
    moved = far.moved((END, -END, 1.5, *far.sliders()[3:]))
    assert moved.code == (4.4321, -5.0, 1.5, *far.code[3:])


def test_a_drag_is_one_step_back(shape: OpenPicture, studio: Sketch) -> None:
    """Guards against an Undo that goes back through every pixel of a drag."""
    sliders = list(shape.sliders())
    moving = shape
    for value in (0.5, 0.6, 0.7):
        sliders[2] = value
        moving = moving.moved(sliders)
    sliders[5] = -1.0
    moving = moving.moved(sliders)
    assert len(moving.past) == 2
    once = moving.undone(studio.codes)
    assert once.sliders()[2] == 0.7 and once.sliders()[5] == shape.sliders()[5]
    back = once.undone(studio.codes)
    assert (back.recipe, back.code) == (shape.recipe, shape.code)
    assert back.undone(studio.codes) is back


def test_every_change_can_be_undone_exactly(shape: OpenPicture, studio: Sketch) -> None:
    """Guards against a change that Undo does not know."""
    for change in (
        OpenPicture.nudged,
        lambda s: s.resampled(studio.codes),
        lambda s: s.taken(studio.recipe(prompt="a dog"), studio.codes),
        lambda s: s.nudged().reset(studio.codes),
    ):
        changed = change(shape)
        while changed.past:
            changed = changed.undone(studio.codes)
        assert (changed.recipe, changed.code) == (shape.recipe, shape.code)


def test_nudge_and_resample_do_what_they_say(shape: OpenPicture, studio: Sketch) -> None:
    nudged, resampled = shape.nudged(), shape.resampled(studio.codes)
    assert nudged.code != shape.code and nudged.recipe.seed == shape.recipe.seed
    assert max(abs(value) for value in nudged.code) <= END
    assert resampled.recipe.seed != shape.recipe.seed and resampled.recipe.code is None
    assert resampled.recipe.prompt == shape.recipe.prompt
    assert nudged.reset(studio.codes).recipe == shape.origin
    assert shape.reset(studio.codes) is shape


def test_the_way_back_is_bounded(shape: OpenPicture) -> None:
    for _ in range(UNDOS + 5):
        shape = shape.nudged()
    assert len(shape.past) == UNDOS


def test_a_moved_shape_has_a_short_link(shape: OpenPicture) -> None:
    """Guards against codes in double precision, which take twice the room."""
    moved = shape.moved([0.1] * CODE)
    assert Recipe.from_query(moved.recipe.to_query()) == moved.recipe
    assert len(moved.recipe.to_query()) < 300


# --- the walk


def test_a_walk_moves_what_it_says_and_nothing_else(shape: OpenPicture) -> None:
    strip, pad = traversal_recipes(shape, 4), traversal_recipes(shape, 4, 7)
    assert [recipe.code[4] for recipe in strip] == [-3, -2, -1, 0, 1, 2, 3] and len(strip) == STRIP
    assert len(pad) == PAD * PAD
    assert pad[1].code[4] == -1.5 and pad[1].code[7] == -3
    for recipe in (*strip, *pad):
        same = [i for i in range(CODE) if recipe.code[i] == shape.code[i]]
        assert {i for i in range(CODE)} - set(same) <= {4, 7}
        assert dataclasses.replace(recipe, code=None) == dataclasses.replace(shape.recipe, code=None)
    assert traversal_recipes(shape, 4, 4) == strip


@pytest.mark.parametrize("index", [-2, CODE])
def test_a_walk_over_a_number_that_is_not_there_is_refused(shape: OpenPicture, index: int) -> None:
    with pytest.raises(ValueError, match=str(index)):
        traversal_recipes(shape, 0, index)


# --- pictures


def test_a_tile_carries_its_recipe(tile: EncodedPicture, tmp_path: Path) -> None:
    """Guards against downloads that cannot be restored, by us or by a reader that we did not write."""
    path = tmp_path / tile.name
    path.write_bytes(tile.png)
    assert load_png(path) == tile.recipe
    found = ParserManager().parse(path)
    assert [prompt.value for prompt in found.prompts] == ["a red apple"]
    assert str(found.samplers[0].parameters["seed"]) == "7"


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A red apple!", "a-red-apple"),
        ("", "picture"),
        ("红苹果", "红苹果"),
        ("../../x", "x"),
    ],
)
def test_files_have_harmless_names(tile: EncodedPicture, prompt: str, name: str) -> None:
    """Guards against a prompt that names a folder."""
    recipe = dataclasses.replace(tile.recipe, prompt=prompt)
    assert dataclasses.replace(tile, recipe=recipe).name == f"{name}-7.png"


def test_prompts_are_no_markup(tile: EncodedPicture) -> None:
    """Guards against a link whose prompt runs as script in the browser of whom it is sent to."""
    wild = dataclasses.replace(tile, recipe=dataclasses.replace(tile.recipe, prompt=WILD))
    for html in (tiles.figure(wild), tiles.buttons([wild.uri], [WILD])):
        assert "<img src=x" not in html and "</script>" not in html


def test_a_zip_holds_every_picture(tile: EncodedPicture) -> None:
    """Guards against pictures of one name that overwrite each other."""
    packed = links.zipped([tile, tile])
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["01-a-red-apple-7.png", "02-a-red-apple-7.png"]
        assert {archive.read(name) for name in archive.namelist()} == {tile.png}
    assert packed == links.zipped([tile, tile])


# --- the model card


def sheet(path: Path) -> None:
    Image.new("RGB", (8, 4), "red").save(path)


def test_a_card_shows_the_sheets_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a card without its pictures, and against a file that is served as it came."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    home = tmp_path / "checkpoint"
    home.mkdir()
    sheet(home / "concepts.webp")
    sheet(home / "two.PNG")
    text = "# A card\n\n![200 concepts](concepts.webp)\n\nMore: ![<b>](two.PNG) <i>."
    told = about.card(SimpleNamespace(card=text, folder=home))
    shown = re.findall(r"gradio_api/file=([^)]+)", told)
    assert re.sub(r"gradio_api/file=[^)]+/", "", told) == (
        "# A card\n\n![200 concepts](concepts.webp)\n\nMore: ![&lt;b>](two.webp) &lt;i>."
    )
    assert all(Path(path).is_relative_to(tmp_path / "gradio") for path in shown)
    assert [images.read(Path(path)).size for path in shown] == [(8, 4), (8, 4)]


@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example/a.png",
        "//evil.example/a.png",
        "data:image/png;base64,AA==",
        "../secret.png",
        "..\\secret.png",
        "/etc/a.png",
        "sub/a.png",
        "%2e%2e/secret.png",
        "link.png",
        "text.png",
        "folder.png",
        "missing.png",
        "README.md",
        "a.svg",
        "",
        'sheet.png "title"',
        "sheet.png#x",
    ],
)
def test_a_card_shows_nothing_else(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a checkpoint that somebody brought, whose card reads this disk or calls home."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    home = tmp_path / "checkpoint"
    (home / "sub").mkdir(parents=True)
    (home / "folder.png").mkdir()
    for path in (tmp_path / "secret.png", home / "sheet.png", home / "sub/a.png"):
        sheet(path)
    (home / "link.png").symlink_to(tmp_path / "secret.png")
    (home / "text.png").write_text("no picture")
    (home / "a.svg").write_text("<svg/>")
    (home / "README.md").write_text("# A card")
    told = about.card(SimpleNamespace(card=f"Before ![x]({address}) after", folder=home))
    assert "![" not in told and "<" not in told and not (tmp_path / "gradio").exists()


# --- history and links


def test_history_keeps_the_newest_once(studio: Sketch) -> None:
    """Guards against a history that grows beyond what a browser stores, or shows one picture twice."""
    drawn = [EncodedPicture.of(studio.slide(studio.recipe(seed=seed))) for seed in range(KEPT + 5)]
    entries = added([], drawn)
    assert len(entries) == KEPT
    again = added(entries, drawn[3:4])
    recipes = [Recipe.from_query(entry["link"]) for entry in again]
    assert [recipe.seed for recipe in recipes][:3] == [3, 0, 1] and len(again) == KEPT
    assert recipes[0] == drawn[3].recipe
    assert len(repr(again)) < 60_000


THUMB = "data:image/webp;base64,AA=="


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {"link": "seed=1"},
        {"link": "seed=-1", "thumb": THUMB},
        {"link": "seed=1", "thumb": 'x" onerror="alert(1)'},
        {"link": ["seed=1"], "thumb": THUMB},
        7,
    ],
)
def test_what_cannot_be_read_is_left_out_of_the_history(tile: EncodedPicture, bad: object) -> None:
    """Guards against a page that never opens again because of what an older version kept."""
    good = added([], [tile])
    assert readable([bad, *good]) == good
    assert readable(bad) == []


def test_a_link_comes_back(tile: EncodedPicture, studio: Sketch) -> None:
    query = f"__theme=dark&{tile.recipe.to_query()}"
    assert links.fitted(links.from_query(query), studio) == (tile.recipe, False)
    assert links.from_query("__theme=dark&__lang=zh") is None and links.from_query("") is None


@pytest.mark.parametrize(
    "query",
    ["seed=-1", "seed=1&seed=2", "code=AAAA", "nonsense", "prompt=%00", "x=" + "9" * 40_000, "edits=[[["],
)
def test_hostile_links_are_refused(query: str) -> None:
    """Guards against links that crash the page."""
    with pytest.raises(ValueError):
        links.from_query(query)


@pytest.mark.parametrize("change", [{"checkpoint": "ffff"}, {"size": 64}])
def test_a_picture_of_another_checkpoint_says_so(tile: EncodedPicture, studio: Sketch, change: dict) -> None:
    """Guards against a link that quietly shows another picture than its sender saw."""
    other = dataclasses.replace(tile.recipe, **change)
    assert links.fitted(other, studio) == (tile.recipe, True)
    anyone = dataclasses.replace(tile.recipe, checkpoint="")
    assert links.fitted(anyone, studio) == (tile.recipe, False)
