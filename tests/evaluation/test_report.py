"""Tests of the metrics table: nothing is left out, and shares are percentages."""

from dalle.evaluation.report import metric_rows, metrics_table

METRICS = {
    "checkpoint": "abc",
    "referee": {"digest": "def", "unseen_style": "fxemoji", "unseen_top1": 0.5},
    "reconstruction": {"icons": 9, "psnr": 27.456},
    "words": {"keywords": {"top5": 0.75}, "languages": {"top5": 0.5, "zh": {"top5": 0.25}}},
    "sliders": {"jumps": 0.012345, "slider 1": {"kept_subject": 0.8}},
}


def test_every_metric_has_its_row() -> None:
    """Guards against metrics of an evaluation that no model card shows, those of later parts too."""
    assert list(metric_rows(METRICS)) == [
        ("measured", "checkpoint abc"),
        (
            "referee, on real icons",
            "`def`, never saw fxemoji, there top-1 50.0%",
        ),
        ("reconstruction, concepts held out of the autoencoder", "9 icons, 27.46 dB PSNR"),
        ("keywords and synonyms", "top-5 75.0%"),
        ("labels in ten languages", "top-5 50.0%"),
        ("words languages zh", "top-5 25.0%"),
        ("sliders", "jumps 0.01235"),
        ("sliders slider 1", "kept subject 0.8"),
    ]


def test_the_table_is_markdown() -> None:
    """Guards against a table that is not valid Markdown."""
    lines = metrics_table(METRICS).splitlines()
    assert lines[:3] == ["| figure | value |", "|---|---|", "| measured | checkpoint abc |"]
    assert all(line.count("|") == 3 for line in lines) and len(lines) == 2 + len(list(metric_rows(METRICS)))
