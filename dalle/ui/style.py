"""The page's own theme: its colours, type and corners as Gradio knows them. The rest is in style.css."""

import gradio as gr

FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def theme() -> gr.themes.Base:
    """No fonts from elsewhere: the page works with the network off."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.gray,
        font=[*FONT, "sans-serif"],
        font_mono=list(MONO),
    )
