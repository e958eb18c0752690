"""The HTTP API of the Create tab, called with gradio_client."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from dalle.recipe import Recipe, load_png
from tests.fake_studio import FakeStudio
from tests.ui.serve import serving

ENDPOINTS = "draw slide walk codes link open_link words surprise about restore".split()
ENDPOINTS += "look edit inpaint blend film icons replay".split()  # tested with the Edit tab


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(FakeStudio(), tmp_path_factory.mktemp("gradio")) as address:
        yield address


def test_every_action_has_an_endpoint(address: str, studio: FakeStudio, tmp_path: Path) -> None:
    """Guards against endpoints that drift from what the page does."""
    client = Client(address, verbose=False, download_files=tmp_path)

    def call(name: str, *values: object, **named: object) -> object:
        return client.predict(*values, **named, api_name=f"/{name}")

    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {f"/{name}" for name in ENDPOINTS}
    files = call("draw", "a red apple", count=2, seed=7, style="noto")
    recipes = [load_png(file) for file in files]
    assert recipes == [studio.recipe(prompt="a red apple, noto style", seed=seed) for seed in (7, 8)]
    (slid,) = call("draw", "a dog", count=1, seed=7, variety="much", slides={"Size": 2, "latent 1": -1.5})
    code = studio.code_of_recipe(studio.recipe(seed=7))
    expected = (-1.5, *code[1:3], 2.0, *code[4:])
    assert load_png(slid) == studio.recipe(prompt="a dog", seed=7, variety="much", code=expected)
    assert Recipe.from_dict(call("restore", handle_file(files[0]))) == recipes[0]
    values = recipes[0].to_dict()
    assert tuple(call("codes", values)) == studio.code_of_recipe(recipes[0])
    assert load_png(call("slide", values, [0.5] * 20)).code == (0.5,) * 20
    assert len(call("walk", values, 3)) == 7
    link = call("link", values)
    assert link == recipes[0].to_query() and call("open_link", link) == values
    assert call("words", "a <gizmo>, no hat") == {
        "text": "a <gizmo>,",
        "negative": "a hat",
        "style": None,
        "notes": [
            {"kind": "negation", "span": [11, 17], "from": "no hat", "to": "a hat"},
            {"kind": "unknown", "span": [2, 9], "from": "<gizmo>", "to": ""},
        ],
        "alternatives": [],
        "unread": "",
    }
    with pytest.raises(AppError, match="prompt has 1,001 characters; 1,000 are allowed"):
        call("words", "x" * 1001)
    assert call("surprise", seed=3) == studio.random_prompt(3)
    assert call("about")["sliders"][0]["index"] == 3
    with pytest.raises(AppError, match="count must be from 1 to 16; got 99"):
        call("draw", "a red apple", count=99)
    with pytest.raises(AppError, match="no slider &#x27;sise&#x27;; there are size, latent 1"):
        call("draw", "a red apple", slides={"sise": 2})
    with pytest.raises(AppError, match="the recipe has unknown fields"):
        call("slide", {"hat": 1}, [0.0] * 20)
