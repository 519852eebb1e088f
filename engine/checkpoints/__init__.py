"""Recognise a model file by its content, read it without running it, and say what is inside."""

from engine.checkpoints.contents import Checkpoint, Contents
from engine.checkpoints.native import write_native
from engine.checkpoints.opening import open_checkpoint

__all__ = ["Checkpoint", "Contents", "open_checkpoint", "write_native"]
