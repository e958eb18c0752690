"""Sliders of the told numbers at the start of a code, whose meaning is fixed: camera, colours, then light."""

from dalle.pipeline.sliders import Slider


def _slider(index: int, *names: tuple[str, str]) -> Slider:
    """names: of the slider, its low and its high end, each in English and Chinese."""
    return Slider(index, *({"en": english, "zh": chinese} for english, chinese in names))


TOLD_SLIDERS = (
    # Camera, in the order of networks/camera.FACTORS.
    _slider(0, ("size", "大小"), ("small", "小"), ("large", "大")),
    _slider(1, ("left or right", "左右"), ("left", "左"), ("right", "右")),
    _slider(2, ("up or down", "上下"), ("down", "下"), ("up", "上")),
    _slider(3, ("tilt", "倾斜"), ("left", "左"), ("right", "右")),
    _slider(4, ("wide or tall", "宽高"), ("wide", "宽"), ("tall", "高")),
    _slider(5, ("bulge", "凹凸"), ("in", "凹"), ("out", "凸")),
    # Colours, in the order of networks/colour.FACTORS.
    _slider(6, ("hue", "色相"), ("backwards", "逆转"), ("forwards", "顺转")),
    _slider(7, ("colourfulness", "鲜艳程度"), ("pale", "素淡"), ("vivid", "鲜艳")),
    _slider(8, ("lightness", "明暗"), ("dark", "暗"), ("light", "亮")),
    _slider(9, ("contrast", "对比"), ("soft", "柔和"), ("strong", "强烈")),
    # Light, in the order of data/sprite_scenes/plan.LIGHT.
    _slider(10, ("background", "背景"), ("cool", "冷"), ("warm", "暖")),
    _slider(11, ("outline", "轮廓"), ("soft", "柔和"), ("outlined", "勾边")),
)
