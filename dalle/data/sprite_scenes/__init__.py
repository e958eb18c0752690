"""Scenes composed from sprites: planned and captioned on a CPU, rendered in batches on any device."""
