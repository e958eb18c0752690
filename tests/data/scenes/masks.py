"""Masks of the objects in a picture, for tests that look at pixels."""

import numpy as np

from dalle.data.scenes.colours import nearest_colour
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.scene import Scene


def colour_mask(picture: np.ndarray, colour: str) -> np.ndarray:
    """Where a picture (S, S, 3) shows a named colour: (S, S) bool."""
    shades, where = np.unique(picture.reshape(-1, 3), axis=0, return_inverse=True)
    return np.array([nearest_colour(shade) == colour for shade in shades])[where].reshape(picture.shape[:2])


def foreground_mask(composer: Composer, scene: Scene) -> np.ndarray:
    """Where the picture of a scene is not the background: (S, S) bool."""
    return np.abs(composer.renderer.render(scene).astype(int) - scene.background).sum(-1) > 60


def centroid(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return columns.mean(), rows.mean()


def component_sizes(mask: np.ndarray) -> list[int]:
    """Pixels in each 4-connected part of a mask."""
    unvisited, sizes = set(zip(*map(np.ndarray.tolist, np.nonzero(mask)), strict=True)), []
    while unvisited:
        stack, size = [unvisited.pop()], 0
        while stack:
            row, column = stack.pop()
            size += 1
            for neighbour in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if neighbour in unvisited:
                    unvisited.remove(neighbour)
                    stack.append(neighbour)
        sizes.append(size)
    return sizes
