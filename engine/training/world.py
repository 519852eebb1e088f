"""One process or several (torchrun): who this process is, its share of a batch, and averages over all."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class World:
    """Rank and number of processes. All of them draw the same whole batches; each works on its own rows."""

    rank: int = 0
    size: int = 1

    def share(self, batch: Tensor, group: int) -> Tensor:
        """This process's rows of `batch` [N, ...], such that groups of minibatch statistics stay together.

        The discriminator puts rows that lie N/group apart into one group; a process takes whole groups.
        """
        if self.size == 1:
            return batch
        group = min(group, len(batch))
        columns = batch.reshape(group, len(batch) // group, *batch.shape[1:])  # [G, N/G, ...]
        width = columns.shape[1] // self.size
        return columns[:, self.rank * width : (self.rank + 1) * width].flatten(0, 1)

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over the processes, in one message."""
        tensors = list(tensors)
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([t.detach().reshape(-1).float() for t in tensors])
        distributed.all_reduce(flat)
        flat /= self.size
        start = 0
        with torch.no_grad():
            for t in tensors:
                t.copy_(flat[start : start + t.numel()].reshape(t.shape))
                start += t.numel()

    def average_values(self, values: dict[str, float]) -> None:
        """Replace each number by its mean over the processes; all have the same names."""
        if self.size > 1:
            names = sorted(values)
            device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
            means = torch.tensor([values[name] for name in names], dtype=torch.float32, device=device)
            self.average([means])
            values |= dict(zip(names, means.tolist(), strict=True))


def join(device: str) -> World:
    """Join the processes that torchrun started: nccl on CUDA, gloo elsewhere. Alone if there is no torchrun."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return World(distributed.get_rank(), size)


def leave() -> None:
    """Leave the group of processes, if there is one."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()
