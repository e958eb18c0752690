"""HTML about a draft: what was imported, what was not, and how well the model reconstructs the images."""

from collections.abc import Sequence
from html import escape

from dalle.data.folder.archive import ImportIssue
from dalle.data.folder.image_folder import CaptionedImage, ImageFolder
from dalle.errors import ErrorMessage
from dalle.serving.drafts import Forecast
from dalle.ui.shared import tiles
from dalle.ui.shared.texts import Translator

MAX_LISTED_ISSUES = 100  # further ones are only counted


def report_html(translate: Translator, draft: ImageFolder) -> str:
    """How many images and captions there are, and the files that will not be trained on."""
    counts = [
        ("count", len(draft.items)),
        ("matched", _count_captions(draft.items, "metadata", "text")),
        ("by_folder", _count_captions(draft.items, "folder")),
        ("by_name", _count_captions(draft.items, "name")),
        ("uncaptioned", len(draft.uncaptioned)),
        ("problems", len(draft.issues)),
    ]
    cells = " ".join(
        f'<li class="count-{name}"><b>{count}</b> {translate(f"teach_{name}")}</li>'
        for name, count in counts
        if count or name in ("count", "matched")
    )
    return f'<ul class="counts">{cells}</ul>{_issues_html(translate, draft.issues)}'


def _count_captions(items: Sequence[CaptionedImage], *sources: str) -> int:
    return sum(item.source in sources for item in items)


def _issues_html(translate: Translator, issues: Sequence[ImportIssue]) -> str:
    if not issues:
        return ""
    lines = [
        f"<li><b>{escape(issue.name)}</b> <i>{translate(f'problem_{issue.kind}')}</i> "
        f"{escape(_reason(translate, issue))}</li>"
        for issue in issues[:MAX_LISTED_ISSUES]
    ]
    if len(issues) > MAX_LISTED_ISSUES:
        lines.append(f"<li>+ {len(issues) - MAX_LISTED_ISSUES}</li>")
    return (
        f'<details class="problems"><summary>{translate("teach_left_out")}</summary>'
        f"<ul>{''.join(lines)}</ul></details>"
    )


def _reason(translate: Translator, issue: ImportIssue) -> str:
    if not issue.code:
        return issue.reason
    return translate.error_message(ErrorMessage(issue.code, issue.values))


def forecast_html(translate: Translator, forecast: Forecast) -> str:
    """Images above their reconstructions, and whether the Generator would adapt."""
    psnr = f"{forecast.psnr:.0f}"
    text = (
        translate("teach_holds_adapts", psnr=psnr)
        if forecast.adapts_generator
        else translate("teach_holds_well", psnr=psnr)
    )
    url = tiles.preview_url(forecast.reconstructions)
    return f'<figure class="exhibit"><img src="{url}" alt="{text}"><figcaption>{text}</figcaption></figure>'
