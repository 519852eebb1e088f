"""Planets: six kinds, with rings, clouds and craters, whose surface moves with the globe."""

from engine.training.datasets.planets.picture import LABELS, render

__all__ = ["LABELS", "render"]
