"""Sprites: drawings with transparency of named concepts, from openly licensed packages; built and loaded."""
