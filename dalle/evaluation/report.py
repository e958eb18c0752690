"""Metrics as Markdown tables: one row for each group, or one row for each experiment and a column each."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from dalle.evaluation.metrics import Metrics

ROW_TITLES = {  # path of a group in evaluation.json -> title; other groups are titled by their path
    "": "measured",
    "referee": "referee, on real icons",
    "reconstruction": "reconstruction, concepts held out of the autoencoder",
    "recognition": "recognition, style named",
    "composition single": "composition: single object",
    "composition two": "composition: two objects",
    "words keywords": "keywords and synonyms",
    "words outside": "words outside the data",
    "words languages": "labels in ten languages",
    "words nouns": "drawn: nouns outside the data; asked: top-5 60%",
    "words colours": "drawn: names of colours on things",
    "words negation": "drawn: the unwanted thing; asked: absent 95%",
    "words phrases en": "drawn: phrases in English",
    **{
        f"words phrases {language}": f"drawn: phrases in {language}; asked: {asked} of English"
        for language, asked in {
            "zh": "90%",
            **dict.fromkeys("es fr de ja pt ru ko it hi".split(), "80%"),
        }.items()
    },
    "reading typed": "read: typed prompts; asked: 85%",
    "reading colours": "read: names of colours on things; asked: 95%",
    "reading negation": "read: negation; asked: 95%",
    "reading nouns": "read: nouns outside the data; asked: said unknown 90%, wrong 5%",
    "reading nouns 1-5000": "read: the 5,000 most frequent nouns; asked: 85% as a fair label",
    "reading nouns 5001-10000": "read: the next 5,000; asked: 70% as a fair label",
    "reading captions": "read: training captions; asked: unchanged 100%",
    "sliders recognition none": "variety none; asked: top-1 91.5%, top-5 96%",
    "sliders recognition some": "variety some",
    "sliders diversity": "diversity over seeds; asked, variety some: style open 0.65, style said 0.45",
    "sliders camera": (
        "camera at ±2; asked: in the frame 95%, step 6 grey levels, edges 0.95, named way 100%, others 10%, "
        "subject kept 97%, largest step 9%"
    ),
    "sliders light": (
        "light at ±2; asked: named way 95%, effect 50%, others 33%, subject kept 95%, largest step 9%"
    ),
    "sliders learnt": "learnt numbers; asked: largest step 9%",
    "edit inversion": "edits: held-out icons to noise and back",
    "edit inpainting": "edits: a disc redrawn",
    "edit words edited": "edits: other colour, edited",
    "edit words redrawn": "edits: other colour, redrawn with the same seed",
    "edit styles edited": "edits: other style, edited",
    "edit styles redrawn": "edits: other style, redrawn with the same seed",
    "edit cutting": "edits: cut out",
    "edit enlarging": "super-resolution of held-out icons from 128 pixels",
}
METRIC_FORMATS = {  # name of a metric -> text with its value, in metrics_table
    "right": "right {:.1%}",
    "read_as_fair": "read as a fair label {:.1%}",
    "said_unknown": "where none is, said {:.1%}",
    "wrong": "as another label {:.1%}",
    "silent": "as none, unsaid {:.1%}",
    "known_kept": "kept {:.1%}",
    "unchanged": "unchanged {:.1%}",
    "absent": "absent {:.1%}",
    "of_english": "{:.0%} of the English score",
    "psnr": "{:.2f} dB PSNR",
    "ssim": "SSIM {:.3f}",
    "perceptual": "perceptual distance {:.3f}",
    "top1": "top-1 {:.1%}",
    "top5": "top-5 {:.1%}",
    "real_top1": "real icons top-1 {:.1%}",
    "real_top5": "top-5 {:.1%}",
    "reconstructed_top1": "their reconstructions top-1 {:.1%}",
    "reconstructed_top5": "top-5 {:.1%}",
    "top1_of_ceiling": "{:.1%} of the real icons' top-1",
    "top5_of_ceiling": "{:.1%} of their top-5",
    "seen_top1": "styles it was trained on top-1 {:.1%}",
    "seen_top5": "top-5 {:.1%}",
    "unseen_style": "never saw {}",
    "unseen_top1": "there top-1 {:.1%}",
    "unseen_top5": "top-5 {:.1%}",
    "score": "score {:.2f}",
    "judge_passes_true": "judge passes {:.2f} of true scenes",
    "judge_passes_false": "{:.2f} of false ones",
    "frechet": "Fréchet distance {:.3f}",
    "frechet_real": "between real icons {:.3f}",
    "diversity": "diversity over seeds {:.3f}",
    "diversity_real": "between styles {:.3f}",
    "nearest": "to the nearest training picture {:.3f}",
    "nearest_real": "of a real icon to the next {:.3f}",
    "nearest_reconstructed": "of a reconstruction to its icon {:.3f}",
    "copies": "nearer than that {:.1%}",
    "change": "changes {:.1%} of the range",
    "largest_step": "largest step {:.1%} of that",
    "smooth": "smooth over {:.1%} of prompts",
    "kept": "subject kept {:.1%}",
    "largest_step_features": "in the referee's features {:.1%}",
    "in_frame": "subject in the frame {:.1%}",
    "frame_step": "step where the frame ended {:.1f} grey levels",
    "edge_energy": "edge energy {:.2f}",
    "named_way": "moves the named way {:.1%}",
    "effect": "{:.0%} of the true effect",
    "others_largest": "others move {:.1%} at most",
    "others_mean": "{:.1%} on average",
    "style_open_none": "style open, variety none {:.3f}",
    "style_open_some": "some {:.3f}",
    "style_said_some": "style said, variety some {:.3f}",
    "autoencoder_psnr": "autoencoder alone {:.2f} dB",
    "exact": "all else unchanged in {:.1%}",
    "seam": "step at the rim {:.1f} grey levels",
    "seam_before": "before {:.1f}",
    "new": "new property {:.1%}",
    "subject": "subject kept {:.1%}",
    "both": "both {:.1%}",
    "distance": "perceptual distance to the first picture {:.3f}",
    "alpha_error": "mean error of alpha {:.4f}",
    "threshold_error": "by a threshold {:.4f}",
    "x2": "×2 {:.2f} dB PSNR",
    "lanczos_x2": "Lanczos {:.2f}",
    "bicubic_x2": "bicubic {:.2f}",
    "x4": "×4 {:.2f} dB PSNR",
    "lanczos_x4": "Lanczos {:.2f}",
    "bicubic_x4": "bicubic {:.2f}",
    "scenes": "{} scenes",
    "digest": "`{}`",
    "prompts": "{} prompts",
    "pictures": "{} pictures",
    "icons": "{} icons",
}

COLUMN_FORMATS = {  # name of a metric -> title and format, in comparison_table
    "guidance": ("guidance", "{:g}"),
    "steps": ("steps", "{:,}"),
    "tflop": ("TFLOP", "{:,.0f}"),
    "parameters": ("parameters", "{:,}"),
    "loss": ("loss", "{:.4f}"),
    "psnr": ("PSNR, dB", "{:.2f}"),
    "ssim": ("SSIM", "{:.4f}"),
    "perceptual": ("perceptual distance", "{:.4f}"),
    "top1": ("top-1", "{:.1%}"),
    "top5": ("top-5", "{:.1%}"),
}


def metric_rows(metrics: Metrics, path: str = "") -> Iterator[tuple[str, str]]:
    """(title, values) of each group of metrics, outer groups first; `path` is that of the outermost one."""
    values = {name: value for name, value in metrics.items() if not isinstance(value, dict)}
    if values:
        yield ROW_TITLES.get(path, path), ", ".join(_format_metric(*item) for item in values.items())
    for name, group in metrics.items():
        if isinstance(group, dict):
            yield from metric_rows(group, f"{path} {name}".strip())


def _format_metric(name: str, value: Any) -> str:
    if name in METRIC_FORMATS:
        return METRIC_FORMATS[name].format(value)
    return f"{name.replace('_', ' ')} {f'{value:.4g}' if isinstance(value, float) else value}"


def metrics_table(metrics: Metrics) -> str:
    """Nested metrics as a Markdown table with a row for each group."""
    lines = [f"| {title} | {values} |" for title, values in metric_rows(metrics)]
    return "\n".join(["| figure | value |", "|---|---|", *lines])


def comparison_table(experiments: Mapping[str, Metrics]) -> str:
    """Metrics of named experiments, all in COLUMN_FORMATS, as Markdown tables.

    Neighbouring experiments with the same metrics share a table.
    """
    tables = []
    for columns, group in itertools.groupby(experiments.items(), key=lambda item: tuple(item[1])):
        lines = [["", *(COLUMN_FORMATS[column][0] for column in columns)], ["---"] * (1 + len(columns))]
        lines += [[name, *(_format_cell(*item) for item in metrics.items())] for name, metrics in group]
        tables.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(tables)


def _format_cell(name: str, value: Any) -> str:
    return "–" if value is None else COLUMN_FORMATS[name][1].format(value)
