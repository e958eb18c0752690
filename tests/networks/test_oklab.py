"""Oklab in torch."""

import numpy as np
import torch

from dalle.data.scenes import colours
from dalle.networks.oklab import chroma, fit_to_rgb, oklab_to_rgb, rgb_to_oklab


def cube(steps: int = 18) -> torch.Tensor:
    """Colours from all of sRGB: (3, steps, steps * steps) in [0, 1], on the 256 levels."""
    levels = torch.linspace(0, 255, steps).round() / 255
    return torch.stack(torch.meshgrid(levels, levels, levels, indexing="ij")).reshape(3, steps, -1)


def test_same_colours_as_in_numpy():
    """Guards against a recoloured sprite whose colour the measuring code calls by another name."""
    rgb = cube()
    pixels = (rgb * 255).round().byte().permute(1, 2, 0).numpy()
    expected = colours.rgb_to_oklab(pixels)
    lab = rgb_to_oklab(rgb)
    np.testing.assert_allclose(lab.permute(1, 2, 0).numpy(), expected, atol=1e-4)
    wide = lab * torch.tensor([1.1, 1.5, 1.5]).view(3, 1, 1)  # partly outside sRGB
    back = colours.oklab_to_rgb(wide.permute(1, 2, 0).numpy()).astype(int)
    found = (oklab_to_rgb(wide) * 255).permute(1, 2, 0).numpy()
    assert np.abs(found - back).max() < 3.5  # dark values of NumPy's table are that coarse
    assert np.abs(found - back).mean() < 0.3


def test_there_and_back():
    rgb = cube()
    for inverse in (oklab_to_rgb, fit_to_rgb):
        assert (inverse(rgb_to_oklab(rgb)) - rgb).abs().max() < 1 / 255


def test_layout_and_leading_dimensions_are_kept():
    rgb = torch.rand(2, 5, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    lab = rgb_to_oklab(rgb)
    assert lab.shape == rgb.shape and lab.is_contiguous()
    torch.testing.assert_close(lab[1, 3], rgb_to_oklab(rgb[1, 3]))


def test_fitting_keeps_hue_and_lightness():
    """Guards against a clipped yellow that, turned to blue, becomes much darker."""
    lab = rgb_to_oklab(cube())
    lab = lab[:, (lab[0] > 0.3) & (lab[0] < 0.9)].unsqueeze(-1)
    lab[1:] *= 2
    fitted = rgb_to_oklab(fit_to_rgb(lab))
    clipped = rgb_to_oklab(oklab_to_rgb(lab))
    assert (fitted[0] - lab[0]).abs().mean() < 0.5 * (clipped[0] - lab[0]).abs().mean()
    assert (fitted[0] - lab[0]).abs().mean() < 0.03
    cosine = (fitted[1:] * lab[1:]).sum(0) / (chroma(fitted) * chroma(lab)).clamp(min=1e-6)[0]
    assert cosine[chroma(lab)[0] > 0.05].min() > 0.8
