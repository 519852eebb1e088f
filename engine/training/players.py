"""The networks of a run: generator, discriminator, and the running mean of the generator that people look at."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from engine.checkpoints.contents import Contents
from engine.networks import discriminator, stylegan2, stylegan3
from engine.networks.common import Generator, MappingConfig
from engine.networks.discriminator import Discriminator
from engine.training.settings import Settings

W_AVG_BETA = 0.998
EMA_HALF_LIFE = 20_000  # pictures, of StyleGAN3's input magnitudes


@dataclass(frozen=True)
class Players:
    """G and D learn, G_ema follows G."""

    G: Generator
    D: Discriminator
    G_ema: Generator

    def networks(self) -> dict[str, nn.Module]:
        """By the names that checkpoints use."""
        return {"G": self.G, "D": self.D, "G_ema": self.G_ema}


def build(settings: Settings, c_dim: int) -> Players:
    """New networks on the settings' device; their weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        G = build_generator(settings, c_dim)
        D = Discriminator(discriminator_config(settings, c_dim))
    G_ema = copy.deepcopy(G).eval().requires_grad_(False)
    layout = torch.channels_last if settings.device == "cpu" else torch.contiguous_format
    return Players(*(network.to(settings.device, memory_format=layout) for network in (G, D, G_ema)))


def build_generator(settings: Settings, c_dim: int) -> Generator:
    """An untrained generator."""
    mapping = MappingConfig(num_layers=settings.mapping_layers, w_avg_beta=W_AVG_BETA)
    shared = (settings.z_dim, c_dim, settings.w_dim, settings.resolution, 3, mapping)
    clamp = 256.0 if settings.num_fp16_res else None
    if settings.cfg == "stylegan2":
        channels = settings.channels or stylegan2.channel_plan(settings.resolution)
        return stylegan2.StyleGAN2(
            stylegan2.Config(*shared, channels=channels, conv_clamp=clamp, num_fp16_res=settings.num_fp16_res)
        )
    rotation = settings.cfg == "stylegan3-r"
    base, most = settings.channels or (32768, 512)
    return stylegan3.StyleGAN3(
        stylegan3.Config(
            *shared,
            channel_base=base * 2 if rotation else base,
            channel_max=most * 2 if rotation else most,
            conv_kernel=1 if rotation else 3,
            use_radial_filters=rotation,
            conv_clamp=clamp,
            num_fp16_res=settings.num_fp16_res,
            magnitude_ema_beta=0.5 ** (settings.batch / EMA_HALF_LIFE),
        )
    )


def discriminator_config(settings: Settings, c_dim: int) -> discriminator.Config:
    """StyleGAN2's discriminator, which StyleGAN3 keeps; without channels of its own it takes G's plan."""
    channels = settings.d_channels or (settings.channels if settings.cfg == "stylegan2" else ())
    return discriminator.Config(
        c_dim,
        settings.resolution,
        3,
        channels or stylegan2.channel_plan(settings.resolution),
        architecture=settings.d_architecture,
        num_fp16_res=settings.num_fp16_res,
        conv_clamp=256.0 if settings.num_fp16_res else None,
        freeze_layers=settings.freeze_d,
        mbstd_group_size=settings.mbstd_group,
    )


def contents(players: Players, names: Iterable[str] = ("G_ema", "G", "D")) -> dict[str, Contents]:
    """What a checkpoint file stores of the networks."""
    found = {name: players.networks()[name] for name in names}
    return {
        name: Contents(network.family, "discriminator" if name == "D" else "generator", network.config, network.state_dict())  # type: ignore[arg-type]
        for name, network in found.items()
    }


@torch.no_grad()
def follow(ema: nn.Module, source: nn.Module, beta: float) -> None:
    """Running mean: ema <- p + beta (ema - p) for parameters; buffers are copied."""
    for kept, new in zip(ema.parameters(), source.parameters(), strict=True):
        kept.copy_(new.lerp(kept, beta))
    for kept, new in zip(ema.buffers(), source.buffers(), strict=True):
        kept.copy_(new)


def ema_beta(settings: Settings, images: int) -> float:
    """Decay of one batch: a half life of ema_kimg, shorter at the start so that it is at most `ema_ramp` of the run."""
    half_life = settings.ema_kimg * 1000
    if settings.ema_ramp is not None:
        half_life = min(half_life, images * settings.ema_ramp)
    return 0.5 ** (settings.batch / max(half_life, 1e-8))
