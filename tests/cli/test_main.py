"""Laws of the command line: files that can be drawn again, and mistakes that are told in one line."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image

from dalle import runtime
from dalle.__main__ import limit_threads
from dalle.cli.edit_commands import TOOLS
from dalle.cli.main import main
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.corpus import tokenizer_corpus
from dalle.data.sprite_scenes.corpus import english_texts, known_labels
from dalle.data.sprites.sprite_set import SpriteSet
from dalle.edits import EDIT_TYPES
from dalle.networks.upscaler import Upscaler
from dalle.pipeline.checkpoint import GRID_FILES
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.latents import initial_codes
from dalle.recipe import Recipe, load_png
from dalle.release import export
from dalle.training import pretrain
from dalle.training.tasks import AutoencoderTask
from dalle.training.text_teacher import Teacher
from tests.fakes import fake_emoji
from tests.tiny import TOLD_CONFIG, tiny_checkpoint
from tests.tiny_sprites import tiny_sprites

ROOT = Path(__file__).resolve().parents[2]


pytestmark = pytest.mark.usefixtures("full_precision")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("cli") / "checkpoint")


def generate(checkpoint: Path, output: Path, prompt: str, *options: str) -> int:
    folders = "--checkpoint", str(checkpoint), "--output", str(output)
    return main(["generate", *options, *folders, "--", prompt])


def test_files_that_can_be_drawn_again(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against files whose recipe is not that of their picture, and against names that lie."""
    settings = "--count 3 --seed 7 --steps 4 --guidance 2.5 --negative dog".split()
    assert generate(checkpoint, tmp_path, "A red apple!", *settings) == 0
    paths = [tmp_path / f"a-red-apple-{seed}.png" for seed in (7, 8, 9)]
    assert capsys.readouterr().out.splitlines() == [str(path) for path in paths]
    digest = DALLE.from_pretrained(checkpoint).model.digest
    expected = Recipe("A red apple!", "dog", 2.5, 4, 7, checkpoint=digest, size=32)
    assert load_png(paths[0]) == expected
    assert [load_png(path).seed for path in paths] == [7, 8, 9]


def test_sliders_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Guards against a slide that is lost on the way, and a misspelt one that silently does nothing."""
    told = tiny_checkpoint(tmp_path / "told", config=TOLD_CONFIG)
    slides = "--slide", "Size=2", "--slide", "left or right=-0.5", "--seed", "7", "--variety", "much"
    assert generate(told, tmp_path, "a cat", *slides) == 0
    recipe = load_png(tmp_path / "a-cat-7.png")
    seeded = initial_codes([replace(recipe, code=None)], TOLD_CONFIG)[0]
    assert recipe.variety == "much" and recipe.code == (2.0, -0.5, *seeded[2:])
    capsys.readouterr()
    assert generate(told, tmp_path, "a cat", "--slide", "sise=2") == 1
    assert "no slider 'sise'; there are size, left or right, up or down" in capsys.readouterr().err
    for bad in ("size", "size=", "size=big"):
        with pytest.raises(SystemExit):
            generate(told, tmp_path, "a cat", "--slide", bad)
        assert "no NAME=NUMBER" in capsys.readouterr().err


# `python -m dalle` without its measurement, whose answer other programs' work can change.
COMMAND = """
import sys
from dalle import runtime
from dalle.cli.main import main
runtime.bfloat16_is_faster = lambda: False
sys.exit(main())
"""


def test_the_best_of_many(checkpoint: Path, tmp_path: Path) -> None:
    """Guards against ranking that keeps another number of pictures than was asked for."""
    assert generate(checkpoint, tmp_path, "a dog", "--count", "2", "--best-of", "3", "--seed", "4") == 0
    kept = {load_png(path).seed for path in tmp_path.glob("*.png")}
    assert len(kept) == 2 and kept <= set(range(4, 10))


def test_twice_the_same_bytes(checkpoint: Path, tmp_path: Path) -> None:
    """Guards against files that differ from run to run, as through a time written into them."""
    assert generate(checkpoint, tmp_path / "here", "a dog", "--seed", "1") == 0
    command = ["generate", "a dog", "--seed", "1", "--checkpoint", str(checkpoint), "--output", "there"]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *command],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    here, there = (tmp_path / name / "a-dog-1.png" for name in ("here", "there"))
    assert here.read_bytes() == there.read_bytes()


def test_zero_is_a_number(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Guards against a 0 that counts as not given."""
    assert generate(checkpoint, tmp_path, "a dog", "--guidance", "0", "--seed", "0") == 0
    assert load_png(tmp_path / "a-dog-0.png").guidance == 0
    assert generate(checkpoint, tmp_path, "a dog", "--steps", "0") == 1
    assert "steps must be a whole number from 1 to 100; got 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("", "picture-1.png"),
        ("苹果", "苹果-1.png"),
        ("🍎", "picture-1.png"),
        ("../../etc/passwd", "etc-passwd-1.png"),
        ("-x", "x-1.png"),
        ("x" * 10_000, "prompt has 10,000 characters; 1,000 are allowed, make it shorter"),
        ("a\x1b[31m", "prompt has the control character ESC U+001B at position 2: take it out"),
        ("\udcff", "prompt has the control character"),
    ],
    ids=["empty", "chinese", "emoji", "path", "dash", "long", "control", "no unicode"],
)
def test_any_prompt_is_drawn_or_refused(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], prompt: str, answer: str
) -> None:
    """Guards against prompts that crash, that leave the output folder, or whose refusal is a traceback."""
    status = generate(checkpoint, tmp_path, prompt, "--seed", "1", "--steps", "1")
    printed = capsys.readouterr()
    if answer.endswith(".png"):
        assert status == 0 and printed.out == f"{tmp_path / answer}\n"
        assert load_png(tmp_path / answer).prompt == prompt
    else:
        assert status == 1 and printed.out == "" and list(tmp_path.iterdir()) == []
        assert printed.err.split("\r")[-1].strip().startswith(f"dalle: {answer}")


EDITS = {  # command: how many files it writes
    "look {p} --shows dog": 1,
    "vary {p} --amount 0.5 --count 2": 2,
    "words {p} dog --keep 0.3": 1,
    "restyle {p} {o}": 1,
    "paint {p} {o} dog": 1,
    "extend {p} dog --side left": 1,
    "blend {p} {o} --count 3": 4,
    "blend {p} {o} --count 2 --film gif": 3,
    "enlarge {p} --factor 2": 1,
    "cut {flat}": 2,
}


def test_every_edit_can_be_typed(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against a tool of the page that the shell lacks, and files that cannot be made again."""
    assert {command.split()[0] for command in EDITS} | {"replay"} == set(TOOLS)
    assert generate(checkpoint, tmp_path, "dog", "--count", "2", "--seed", "1") == 0
    files = {"p": tmp_path / "dog-1.png", "o": tmp_path / "dog-2.png", "flat": tmp_path / "flat.png"}
    Image.new("RGB", (20, 20), "white").save(files["flat"])
    for number, (command, count) in enumerate(EDITS.items()):
        output = tmp_path / str(number)
        capsys.readouterr()
        line = command.format(**files).split()
        assert main(["edit", *line, "--checkpoint", str(checkpoint), "--output", str(output)]) == 0
        printed = capsys.readouterr().out.splitlines()
        assert len(list(output.iterdir())) == count and printed[0].startswith(str(output)), command
    made = tmp_path / "1/dog-1-vary-2.png"
    again = tmp_path / "again"
    assert main(["edit", "replay", str(made), "--checkpoint", str(checkpoint), "--output", str(again)]) == 0
    assert (again / "dog-1-vary-2-replay-1.png").read_bytes() == made.read_bytes()


def test_every_edit_is_timed(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Guards against an edit whose time nobody measures, and a benchmark that needs an upscaler."""
    assert main(["bench", "edit", "--checkpoint", str(checkpoint)]) == 0
    figures = json.loads(capsys.readouterr().out)
    timed = {name.removesuffix("_seconds") for name in figures}
    assert timed | {"open"} == set(EDIT_TYPES) and min(figures.values()) > 0


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("edit vary nothing.png --checkpoint nowhere", "nowhere is no checkpoint"),
        ("train upscaler --steps 1 --output run --data nowhere", "no emoji set in nowhere"),
        ("train upscaler --steps 1 --output run --start x", "leave out --start"),
        ("bench edit --checkpoint nowhere", "nowhere is no checkpoint"),
        ("generate x --checkpoint nowhere", "nowhere is no checkpoint: config.json is missing"),
        ("train autoencoder --steps 1 --output run --data nowhere", "no emoji set in nowhere"),
        ("train text --steps 0 --output run --data nowhere", "steps must be at least 1; got 0"),
        ("train flow --steps 1 --output run", "name the checkpoint to start from"),
        ("train generator --steps 1 --output run", "name the checkpoint to start from"),
        ("dataset preview --data nowhere", "no emoji set in nowhere"),
        ("evaluate --data nowhere", "no emoji set in nowhere"),
        ("ablate --data nowhere", "no emoji set in nowhere"),
        ("ablate --only beauty", "no experiment is called 'beauty'; choose from base, tokens-64"),
        ("bench generate --checkpoint nowhere", "nowhere is no checkpoint"),
    ],
)
def test_a_mistake_is_one_line(
    command: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Guards against tracebacks where a sentence would do."""
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("dalle: ") and message in printed.err
    assert len(printed.err.splitlines()) == 1 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["", "draw x", "generate", "generate x --count three", "train nothing"])
def test_a_command_that_does_not_exist(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Guards against an exit status that scripts take for success."""
    with pytest.raises(SystemExit) as stopped:
        main(command.split())
    assert stopped.value.code == 2 and "error: " in capsys.readouterr().err


def test_the_process_uses_the_cores_it_is_granted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against sixty-four threads on two cores in a container; and, in one process, other tests'."""
    chosen = []
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(runtime, "available_cores", lambda: 2)
    assert main(["generate", "x", "--checkpoint", "nowhere"]) == 1 and chosen == []
    assert main(["generate", "x", "--checkpoint", "nowhere"], limit_threads) == 1 and chosen == [2]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # as OMP_NUM_THREADS asks for
    limit_threads()
    assert chosen == [2, 1]


@pytest.mark.parametrize(("tool", "least"), [("vary", 1), ("blend other.png", 2)])
def test_a_count_is_named(
    tool: str, least: int, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against a message that does not say which option to change."""
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    Image.new("RGB", (32, 32)).save(tmp_path / "other.png")
    name, *others = tool.split()
    line = ["edit", name, str(tmp_path / "a.png"), *(str(tmp_path / other) for other in others)]
    for count in (str(least - 1), "20"):
        assert main([*line, "--count", count, "--checkpoint", str(checkpoint)]) == 1
        assert f"--count must be from {least} to 16; got {count}" in capsys.readouterr().err


def test_figures_of_no_checkpoint_are_no_card(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against a traceback where the evaluation is another program's."""
    sprites = tiny_sprites(tmp_path / "sprites")
    monkeypatch.setattr(SpriteSet, "load", lambda folder: sprites)
    (tmp_path / "evaluation.json").write_text("{}")
    (tmp_path / "text.md").write_text("A text.")
    command = ["export", "--checkpoint", str(checkpoint), "--evaluation", str(tmp_path)]
    command += ["--training", str(tmp_path / "text.md"), "--limits", str(tmp_path / "text.md")]
    assert main([*command, "--output", str(tmp_path / "out")]) == 1
    assert "holds figures of checkpoint ?, not of" in capsys.readouterr().err


def test_all_phases_from_nothing_to_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against phases that do not fit together: each starts from the checkpoint of the one before."""
    words = Teacher(["dog", "cat"], torch.nn.functional.normalize(torch.randn(2, 384), dim=1))
    sprites = tiny_sprites(tmp_path / "sprites")
    monkeypatch.setattr(EmojiSet, "load", lambda folder: fake_emoji())
    monkeypatch.setattr(SpriteSet, "load", lambda folder: sprites)
    monkeypatch.setattr(export, "english_texts", partial(english_texts, scenes=20))
    monkeypatch.setattr(Teacher, "load", lambda: words)
    monkeypatch.setattr(pretrain, "tokenizer_corpus", partial(tokenizer_corpus, scenes=20))
    monkeypatch.setattr(AutoencoderTask.standardise, "__defaults__", (64,))
    monkeypatch.chdir(tmp_path)

    def run(command: str) -> str:
        assert main(command.split()) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    run("train autoencoder --steps 2 --batch 4 --preset tiny --output ae")
    run("train text --steps 2 --batch 4 --start ae/checkpoint --output text")
    run("train synonyms --steps 2 --batch 4 --start text/checkpoint --output words")
    run("dataset features --checkpoint words/checkpoint --count 12 --output bank")
    run("train flow --steps 3 --batch 4 --start words/checkpoint --data bank --output flow")
    printed = run("train generator --steps 2 --batch 4 --start flow/checkpoint --output sharp")
    models = [
        DALLE.from_pretrained(f"{name}/checkpoint").model for name in ("ae", "text", "words", "flow", "sharp")
    ]
    assert printed == f"sharp/checkpoint: {models[-1].digest}\n"
    assert len({model.digest for model in models}) == 5
    kept = {
        (0, 1): ("extractor", "generator", "normalizer"),
        (1, 2): ("extractor", "generator", "normalizer", "tower", "text.embed"),
        (3, 4): ("text", "normalizer", "extractor"),
    }
    for (before, after), names in kept.items():
        ours, theirs = models[before].state_dict(), models[after].state_dict()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours if name.startswith(names))
    run("generate dog --seed 1 --checkpoint sharp/checkpoint --output pictures")
    assert load_png("pictures/dog-1.png").checkpoint == models[-1].digest

    digest = run("sliders --checkpoint sharp/checkpoint --output turned").split()[-1]
    Upscaler(width=8, blocks=1).save(tmp_path / "turned")
    run("evaluate --checkpoint turned --what concepts --output evaluation")
    Image.new("RGB", (8, 8)).save("evaluation/recognition-bad.png")  # as an evaluation with a referee leaves
    Path("training.md").write_text("Two steps a phase.")
    Path("limits.md").write_text("It knows nothing.")
    texts = "--training training.md --limits limits.md"
    assert run(f"export --checkpoint turned --output shipped {texts}").split()[-1] == digest
    shipped = DALLE.from_pretrained(tmp_path / "shipped")
    names = [slider.name["en"] for slider in shipped.sliders]
    assert digest in shipped.card and len(set(names)) == len(names) == 20
    sheets = {"concepts.webp", "bad.webp"}
    assert sheets == {path.name for path in Path("shipped").glob("*.webp")}
    assert all(f"]({sheet})" in shipped.card for sheet in sheets)
    assert set(export.GRID_FILE_NAMES.values()) <= set(GRID_FILES)  # else a download would leave some out
    assert shipped.lexicon.labels == tuple(known_labels(sprites))
    assert "crown" in shipped.lexicon.words and Upscaler.load(tmp_path / "shipped").width == 8
