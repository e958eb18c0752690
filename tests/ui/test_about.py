"""The model card in the About tab shows the checkpoint's own images, and loads nothing else."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from dalle import images
from dalle.data.sprites.sources import sources
from dalle.recipe import Recipe
from dalle.ui.shared import about
from dalle.ui.shared.texts import Translator


def save_image(path: Path) -> None:
    Image.new("RGB", (8, 4), "red").save(path)


def test_a_card_shows_the_images_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a card without its images, and against a file that is served unchanged."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    save_image(folder / "concepts.webp")
    save_image(folder / "two.PNG")
    text = "# A card\n\n![200 concepts](concepts.webp)\n\nMore: ![<b>](two.PNG) <i>."
    card = about.model_card(SimpleNamespace(card=text, folder=folder))
    served = re.findall(r"gradio_api/file=([^)]+)", card)
    assert re.sub(r"gradio_api/file=[^)]+/", "", card) == (
        "# A card\n\n![200 concepts](concepts.webp)\n\nMore: ![&lt;b>](two.webp) &lt;i>."
    )
    assert all(Path(path).is_relative_to(tmp_path / "gradio") for path in served)
    assert [images.read(Path(path)).size for path in served] == [(8, 4), (8, 4)]


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
    """Guards against an imported checkpoint whose card reads this disk or contacts another host."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    folder = tmp_path / "checkpoint"
    (folder / "sub").mkdir(parents=True)
    (folder / "folder.png").mkdir()
    for path in (tmp_path / "secret.png", folder / "sheet.png", folder / "sub/a.png"):
        save_image(path)
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "text.png").write_text("no picture")
    (folder / "a.svg").write_text("<svg/>")
    (folder / "README.md").write_text("# A card")
    card = about.model_card(SimpleNamespace(card=f"Before ![x]({address}) after", folder=folder))
    assert "![" not in card and "<" not in card and not (tmp_path / "gradio").exists()


def test_a_card_shows_no_image_by_reference(tmp_path: Path) -> None:
    """Guards against an image whose address stands elsewhere in the card, and one joined from two parts."""
    for text in ("!![x][r]", "!![a](b)[x][r]", "![x]"):
        card = about.model_card(SimpleNamespace(card=f"{text}\n\n[r]: http://evil/p.png", folder=tmp_path))
        assert "!" not in card


def test_the_footer_credits_every_source() -> None:
    """Guards against drawings that the weights learnt from, and whose authors the page does not name."""
    studio = SimpleNamespace(model_name="<b>", digest="0", recipe=Recipe)
    html = about.credits_html(studio, Translator("en"))
    for source in sources():
        credit = (
            f'<a href="{source.url}" rel="noopener" target="_blank">{source.title}</a> ({source.author}, '
        )
        assert (credit in html) == (source.subset != "held-out")
    assert "&lt;b&gt;" in html
