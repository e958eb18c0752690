"""Gradio theme: colours, fonts and sizes as Gradio's variables, which style.css uses."""

from gradio.themes import Base

FONT = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "PingFang SC",
    "Noto Sans CJK SC",
    "Microsoft YaHei",
)
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas")

# (light, dark). Slightly green greys, so that only the pictures are colourful; viridian as the accent.
COLOURS = {
    "page": ("#f2f4f1", "#0f1312"),
    "panel": ("#ffffff", "#171d1b"),
    "inset": ("#ecefeb", "#202725"),  # fields and tracks inside a panel
    "line": ("#dce2dd", "#2b3431"),
    "text": ("#17201d", "#e8eeeb"),
    "muted_text": ("#55635d", "#9daba5"),
    "accent": ("#0f6f5e", "#58c8ac"),  # buttons, links, selections
    "accent_hover": ("#0b5a4c", "#7ad8c0"),
    "on_accent": ("#ffffff", "#06211b"),
    "accent_soft": ("#e0ece7", "#1c302b"),
    "error": ("#a8321c", "#f0917c"),
}
# Gradio variables that take each colour.
ROLES = {
    "page": "body_background_fill background_fill_secondary",
    "panel": "background_fill_primary block_background_fill panel_background_fill "
    "block_label_background_fill table_even_background_fill",
    "inset": "input_background_fill input_background_fill_hover input_background_fill_focus "
    "code_background_fill button_secondary_background_fill checkbox_label_background_fill "
    "checkbox_label_background_fill_hover "
    "table_odd_background_fill checkbox_background_color",
    "line": "border_color_primary block_border_color input_border_color checkbox_border_color "
    "button_secondary_border_color checkbox_label_border_color panel_border_color",
    "text": "body_text_color block_title_text_color button_secondary_text_color checkbox_label_text_color "
    "button_secondary_text_color_hover accordion_text_color table_text_color block_label_text_color",
    "muted_text": "body_text_color_subdued block_info_text_color input_placeholder_color",
    "accent": "button_primary_background_fill button_primary_border_color slider_color loader_color "
    "checkbox_background_color_selected checkbox_border_color_selected checkbox_border_color_focus "
    "border_color_accent input_border_color_focus link_text_color link_text_color_visited "
    "checkbox_label_border_color_selected checkbox_label_background_fill_selected",
    "accent_hover": "button_primary_background_fill_hover button_primary_border_color_hover "
    "link_text_color_hover link_text_color_active",
    "on_accent": "button_primary_text_color button_primary_text_color_hover "
    "checkbox_label_text_color_selected",
    "accent_soft": "color_accent_soft button_secondary_background_fill_hover",
    "error": "error_text_color error_border_color error_icon_color",
}
SIZES = {
    "block_border_width": "0px",
    "block_padding": "0px",
    "block_radius": "12px",
    "block_shadow": "none",
    "block_title_text_weight": "600",
    "block_info_text_size": "0.8125rem",
    "button_large_radius": "12px",
    "button_small_radius": "9px",
    "button_small_padding": "7px 12px",
    "button_small_text_size": "0.875rem",
    "button_small_text_weight": "500",
    "button_secondary_shadow": "none",
    "button_primary_shadow": "none",
    "checkbox_label_padding": "6px 12px",
    "checkbox_label_gap": "6px",
    "checkbox_label_shadow": "none",
    "form_gap_width": "0px",
    "input_radius": "10px",
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "layout_gap": "16px",
}


def theme() -> Base:
    """Installed fonts only: the page works offline."""
    base = Base(font=[*FONT, "sans-serif"], font_mono=[*MONO, "monospace"])
    colours = {}
    for name, roles in ROLES.items():
        light, dark = COLOURS[name]
        for role in roles.split():
            colours |= {role: light, f"{role}_dark": dark}
    return base.set(**colours, **SIZES, color_accent=COLOURS["accent"][0])
