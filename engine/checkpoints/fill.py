"""Makes what a file left out: filters by formula, constant noise by a fixed seed, the average by sampling."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from cuda_ops.upfirdn import setup_filter
from engine.checkpoints import plan_lucidrains
from engine.checkpoints.shapes import Shape
from engine.networks.common import Mapping as MappingNetwork
from engine.networks.lucidrains import fixed_noise

SEED = 0  # of noise and latents that a file does not bring along
W_AVG_SAMPLES = 4096
W_AVG_BATCH = 256
FILLABLE = ("resample_filter", "noise_const", "w_avg", "input.transform")  # endings of keys
NO_NOISE = (
    f"The file brings no constant noise: it was drawn with seed {SEED}, "
    "so fine detail differs from the original."
)
NO_AVERAGE = (
    f"The file brings no average latent: it is the mean of {W_AVG_SAMPLES} mapped latents, "
    "which is how it is defined."
)


def fill(
    state: dict[str, Tensor], missing: list[str], expected: Mapping[str, Shape], family: str, config: Any
) -> list[str]:
    """Put what is `missing` into `state`; the notes say what was made up."""
    draw = torch.Generator().manual_seed(SEED)
    for key in missing:
        if key.endswith("resample_filter"):
            fir = setup_filter(config.resample_filter)
            state[key] = fir if tuple(fir.shape) == expected[key] else setup_filter((1, 3, 3, 1))
        elif key.endswith("noise_const"):
            uniform = family == "lucidrains"
            state[key] = (
                fixed_noise(expected[key][0]) if uniform else torch.randn(expected[key], generator=draw)
            )
        elif key.endswith("input.transform"):
            state[key] = torch.eye(3)
    notes = [NO_NOISE] if any(key.endswith("noise_const") for key in missing) else []
    if "mapping.w_avg" in missing:
        state["mapping.w_avg"] = estimate_w_avg(state, _mapping(family, config))
        notes.append(NO_AVERAGE)
    return notes


def _mapping(family: str, config: Any) -> MappingNetwork:
    if family == "lucidrains":
        return plan_lucidrains.mapping_network(config)
    return MappingNetwork(config.z_dim, config.c_dim, config.w_dim, None, config.mapping)


@torch.no_grad()
def estimate_w_avg(state: Mapping[str, Tensor], mapping: MappingNetwork) -> Tensor:
    """Mean of mapped latents, w_avg [w_dim]; labels, where there are some, are all zero."""
    own = {key.removeprefix("mapping."): value for key, value in state.items() if key.startswith("mapping.")}
    mapping.load_state_dict(own, strict=False)
    draw = torch.Generator().manual_seed(SEED)
    c = torch.zeros(W_AVG_BATCH, mapping.c_dim) if mapping.c_dim else None
    total = torch.zeros(mapping.w_dim)
    for _ in range(W_AVG_SAMPLES // W_AVG_BATCH):
        total += mapping.map(torch.randn(W_AVG_BATCH, mapping.z_dim, generator=draw), c).sum(dim=0)
    return total / W_AVG_SAMPLES
