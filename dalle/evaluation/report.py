"""Figures as a person reads them: nested names and numbers to rows of a table, or to columns."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

TITLES = {  # of a row, by its place in evaluation.json; others are called by that place
    "": "measured",
    "referee": "referee, on real icons",
    "reconstruction": "reconstruction, concepts held out of the autoencoder",
    "recognition": "recognition, style named",
    "composition single": "composition: single object",
    "composition two": "composition: two objects",
    "words keywords": "keywords and synonyms",
    "words outside": "words outside the data",
    "words languages": "labels in ten languages",
    "edit inversion": "edits: held-out icons to noise and back",
    "edit inpainting": "edits: a disc redrawn",
    "edit words edited": "edits: other colour, edited",
    "edit words redrawn": "edits: other colour, redrawn with the same seed",
    "edit styles edited": "edits: other style, edited",
    "edit styles redrawn": "edits: other style, redrawn with the same seed",
    "edit cutting": "edits: cut out",
    "edit enlarging": "super-resolution of held-out icons from 128 pixels",
}
NAMES = {  # of a figure, with its place in the text
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

COLUMNS = {  # of tables that compare: title and format
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


def rows(figures: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    """(what, value) of all figures, a row for each group of them; unknown names stand as they are."""
    own = {name: value for name, value in figures.items() if not isinstance(value, Mapping)}
    if own:
        texts = [NAMES[n].format(v) if n in NAMES else _plain(n, v) for n, v in own.items()]
        yield TITLES.get(place, place), ", ".join(texts)
    for name, group in figures.items():
        if isinstance(group, Mapping):
            yield from rows(group, f"{place} {name}".strip())


def table(figures: Mapping[str, Any]) -> str:
    """The rows as Markdown."""
    lines = [f"| {what} | {value} |" for what, value in rows(figures)]
    return "\n".join(["| figure | value |", "|---|---|", *lines])


def columns(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Rows of COLUMNS as Markdown; a new table begins where they have other columns."""
    tables = []
    for names, group in itertools.groupby(rows.items(), key=lambda row: tuple(row[1])):
        lines = [["", *(COLUMNS[name][0] for name in names)], ["---"] * (1 + len(names))]
        lines += [[what, *(_cell(n, v) for n, v in found.items())] for what, found in group]
        tables.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(tables)


def _cell(name: str, value: Any) -> str:
    return "–" if value is None else COLUMNS[name][1].format(value)


def _plain(name: str, value: Any) -> str:
    return f"{name.replace('_', ' ')} {f'{value:.4g}' if isinstance(value, float) else value}"
