"""The fast CPU paths of the operations: which one runs, and why. The compiled kernels load at their first use."""

from cuda_ops.cpu.choice import MODES, VARIABLE, mode, use
from cuda_ops.cpu.compile import held, start, wait
from cuda_ops.cpu.status import Status, status

__all__ = ["MODES", "VARIABLE", "Status", "held", "mode", "start", "status", "use", "wait"]
