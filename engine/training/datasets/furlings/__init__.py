"""Furlings: portraits of furry creatures. About 9,500 strands are rooted on the head, so fur moves with the pose."""

from engine.training.datasets.furlings.picture import LABELS, render

__all__ = ["LABELS", "render"]
