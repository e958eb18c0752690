"""Texts of the page: both languages are complete, all texts are used, and errors are translated."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import dalle
from dalle import images
from dalle.edits import OUTPAINT_SIDES, parse_edits
from dalle.errors import ENGLISH_TEXTS, error_message
from dalle.finetuning.plan import FINETUNE_PRESETS
from dalle.recipe import VARIETIES, Recipe
from dalle.ui.create.form import EXAMPLES
from dalle.ui.create.prompt_reading import CHANGES
from dalle.ui.edit.results import ACTIONS
from dalle.ui.edit.tools import TOOL_CONTROLS
from dalle.ui.shared.events import error_text
from dalle.ui.shared.generation_settings import OFFERED_STYLES
from dalle.ui.shared.texts import LANGUAGE_TAGS, LANGUAGES, TEXTS, Translator
from dalle.ui.teach.run_monitor import RUN_ACTIONS

PACKAGE = Path(dalle.__file__).parent
STATES = "waiting preparing training saving done stopped failed interrupted".split()
PROBLEMS = "unreadable duplicate small orphan caption refused ignored removed".split()
# Which argument of a call is the key of a text, or for `localized` a dictionary with keys of texts as values.
KEY_ARGUMENT = {
    "translate": 0,
    "localized": 1,
    "heading": 0,
    "upload_button": 0,
    "confirm_js": 0,
    "show_errors": 1,
    "error_text": 2,
}


def test_both_languages_are_complete() -> None:
    """Guards against a text that one language lacks, or whose placeholders differ."""
    for key, texts in TEXTS.items():
        assert len(texts) == len(LANGUAGES) and all(text.strip() for text in texts), key
        placeholders = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in texts]
        assert placeholders[0] == placeholders[1], key
    assert LANGUAGE_TAGS.keys() == LANGUAGES.keys() == EXAMPLES.keys()


def test_the_chinese_texts_are_chinese() -> None:
    """Guards against a text that was never translated; names of icon sets stay as they are."""
    chinese = re.compile(r"[\u4e00-\u9fff]")
    names = {"style_noto", "style_twemoji", "style_fxemoji", "style_emojione", "list_join", "in_brackets"}
    assert [key for key, (_, text) in TEXTS.items() if key not in names and not chinese.search(text)] == []


def literal_keys(tree: ast.AST) -> Iterator[str]:
    """Keys of texts that a source file spells out."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        if isinstance(call.func, ast.Call):  # Translator(language)("key")
            name = "translate" if ast.unparse(call.func.func) == "Translator" else ""
        else:
            name = getattr(call.func, "id", None) or getattr(call.func, "attr", "")
        position = KEY_ARGUMENT.get(name)
        if position is None or len(call.args) <= position:
            continue
        argument = call.args[position]
        values = argument.values if isinstance(argument, ast.Dict) else [argument]
        for value in values:
            branches = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            yield from (
                each.value
                for each in branches
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )


def test_every_text_is_used_and_every_used_text_exists() -> None:
    """Guards against texts left over in the table, and against a KeyError when something rare happens."""
    sources = [ast.parse(path.read_text(encoding="utf-8")) for path in (PACKAGE / "ui").rglob("*.py")]
    used = {key for source in sources for key in literal_keys(source)} | {"failed"}
    # Keys that are put together at run time.
    used |= {f"style_{style}" for style in OFFERED_STYLES}
    used |= {f"variety_{variety}" for variety in VARIETIES}
    used |= set("undo reset nudge resample download copy_link keep reuse edit".split())
    used |= {f"run_{name}" for name in RUN_ACTIONS} | {f"state_{state}" for state in STATES}
    used |= {f"preset_{name}" for name in FINETUNE_PRESETS} | {f"problem_{kind}" for kind in PROBLEMS}
    used |= {f"teach_{name}" for name in "count matched by_folder by_name uncaptioned problems".split()}
    used |= {f"teach_step_{number}" for number in (1, 2, 3)}
    used |= {*ACTIONS, *(f"tool_{tool}" for tool in TOOL_CONTROLS)}
    used |= {f"side_{side}" for side in OUTPAINT_SIDES}
    used |= {f"edit_{name}{suffix}" for name in ("amount", "keep", "room") for suffix in ("", "_info")}
    used |= {f"edit_{name}{suffix}" for name in ("wanted", "beside") for suffix in ("", "_hint")}
    used |= {f"edit_{name}" for name in ("look", "side", "factor")}
    used |= {f"reason_{kind}" for kind in CHANGES}
    used |= {f"error_{code}" for code in ENGLISH_TEXTS}
    assert used == TEXTS.keys()


def test_every_error_code_is_raised_by_the_library() -> None:
    """Guards against error texts left over in the table, and against codes without a text."""
    library = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    raised = re.findall(r'(?:error_message|InputError|ImageError|SourceError)\(\s*"(\w+)"', library)
    assert set(raised) == ENGLISH_TEXTS.keys()


def test_errors_are_translated() -> None:
    """Guards against an error message inside another one that stays in English."""
    inner = error_message("unpacked", size="3 MiB", most="1 MiB")
    outer = error_message("not_taken", name="{x}.png", reason=inner)
    assert str(outer) == Translator("en").error_message(outer) == f"{{x}}.png is not taken: {inner}"
    assert Translator("zh").error_message(outer) == "未接收 {x}.png：解压后有 3 MiB，每个文件最多 1 MiB"
    assert error_text(Translator("zh"), images.ImageError("empty"), "edit_bad_file") == (
        "无法打开此文件：文件是空的；请换一个，或从原处重新复制"
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("seed=-1", "seed 应是 0 到 4294967295 的整数"),
        ("prompt=a&prompt=b", "链接中 'prompt' 出现了两次"),
        ("steps={", "无法读取 steps"),
        ("version=9", "配方中有版本 9"),
        ('edits=[{"kind":"explode"}]', "kind 应是 open, vary"),
    ],
)
def test_the_error_of_a_bad_link_is_translated(query: str, message: str) -> None:
    """Guards against a Chinese page that explains a broken link in English."""
    with pytest.raises(ValueError) as caught:
        parse_edits(Recipe.from_query(query))
    assert message in error_text(Translator("zh"), caught.value, "link_bad")


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="'de'"):
        Translator("de")
