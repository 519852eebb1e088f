"""The fast CPU paths of the operations: which one runs, and why. Importing this room costs nothing."""

from cuda_ops.cpu.choice import MODES, mode, use

__all__ = ["MODES", "mode", "use"]
