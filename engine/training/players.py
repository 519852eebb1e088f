"""The networks of a run: generator, discriminator, and the running mean of the generator that people look at."""

import copy
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import torch
from torch import nn

from engine.checkpoints.contents import Contents
from engine.networks import discriminator, discriminator1, stylegan1, stylegan2, stylegan3
from engine.networks.common import Generator, MappingConfig
from engine.networks.discriminator import Discriminator
from engine.networks.discriminator1 import Discriminator1
from engine.training.settings import Settings

DESIGNS: dict[str, tuple[Any, Any]] = {
    "stylegan1": (stylegan1.Config, stylegan1.StyleGAN1),
    "stylegan2": (stylegan2.Config, stylegan2.StyleGAN2),
    "stylegan3-t": (stylegan3.Config, stylegan3.StyleGAN3),
    "stylegan3-r": (stylegan3.Config, stylegan3.StyleGAN3),
}
W_AVG_BETA = 0.998
EMA_HALF_LIFE = 20_000  # pictures, of StyleGAN3's input magnitudes


@dataclass(frozen=True)
class Players:
    """G and D learn, G_ema follows G."""

    G: Generator
    D: Discriminator | Discriminator1
    G_ema: Generator

    def networks(self) -> dict[str, nn.Module]:
        """By the names that checkpoints use."""
        return {"G": self.G, "D": self.D, "G_ema": self.G_ema}


def build(settings: Settings, c_dim: int) -> Players:
    """New networks on the settings' device; their weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        G = build_generator(settings, c_dim)
        D = build_discriminator(settings, c_dim)
    G_ema = copy.deepcopy(G).eval().requires_grad_(False)
    device = torch.device(settings.device)
    return Players(*(network.to(device, memory_format=layout(device)) for network in (G, D, G_ema)))  # type: ignore


def layout(device: torch.device) -> torch.memory_format:
    """Order of pictures and kernels in memory: oneDNN is fastest with channels last, by far where there are few."""
    return torch.channels_last if device.type == "cpu" else torch.contiguous_format


def build_generator(settings: Settings, c_dim: int) -> Generator:
    """An untrained generator, of the settings' own design or of one taken over from another network."""
    if settings.g_config is not None:
        Config, Network = DESIGNS[settings.cfg]
        return Network(replace(msgspec.convert(settings.g_config, Config), c_dim=c_dim))
    mapping = MappingConfig(num_layers=settings.mapping_layers, w_avg_beta=W_AVG_BETA)
    shared = (settings.z_dim, c_dim, settings.w_dim, settings.resolution, 3, mapping)
    clamp = 256.0 if settings.num_fp16_res else None
    if settings.cfg == "stylegan1":
        shared = (*shared[:-1], replace(mapping, w_avg_beta=0.995, labels="concat"))
        return stylegan1.StyleGAN1(
            stylegan1.Config(
                *shared, channels=settings.channels or stylegan1.channel_plan(settings.resolution)
            )
        )
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
            num_layers=settings.layers,
            conv_kernel=1 if rotation else 3,
            use_radial_filters=rotation,
            conv_clamp=clamp,
            num_fp16_res=settings.num_fp16_res,
            magnitude_ema_beta=0.5 ** (settings.batch / EMA_HALF_LIFE),
        )
    )


def build_discriminator(settings: Settings, c_dim: int) -> Discriminator | Discriminator1:
    """An untrained discriminator: StyleGAN's own, or StyleGAN2's, which StyleGAN3 keeps. () takes G's channel plan."""
    if settings.d_config is not None:
        design = msgspec.convert(settings.d_config, discriminator.Config)
        return Discriminator(replace(design, c_dim=c_dim, freeze_layers=settings.freeze_d))
    plan = stylegan1.channel_plan if settings.cfg == "stylegan1" else stylegan2.channel_plan
    given = settings.d_channels or (() if settings.cfg.startswith("stylegan3") else settings.channels)
    channels, R = given or plan(settings.resolution), settings.resolution
    if settings.cfg == "stylegan1":
        config1 = discriminator1.Config(
            c_dim, R, 3, channels, channels[0], mbstd_group_size=settings.mbstd_group
        )
        return Discriminator1(config1)
    config = discriminator.Config(
        c_dim,
        R,
        3,
        channels,
        architecture=settings.d_architecture,
        num_fp16_res=settings.num_fp16_res,
        conv_clamp=256.0 if settings.num_fp16_res else None,
        freeze_layers=settings.freeze_d,
        mbstd_group_size=settings.mbstd_group,
    )
    return Discriminator(config)


def contents(players: Players, lod: float = 0.0) -> dict[str, Contents]:
    """What a checkpoint file stores of the networks; StyleGAN's own discriminator stays in the run's checkpoints."""
    found = {}
    for name, network in players.networks().items():
        if isinstance(network, Discriminator1):
            continue
        config = network.config
        config = replace(config, lod=lod) if isinstance(config, stylegan1.Config) else config
        kind = "discriminator" if name == "D" else "generator"
        found[name] = Contents(network.family, kind, config, network.state_dict())  # type: ignore[arg-type]
    return found


@torch.no_grad()
def follow(ema: nn.Module, source: nn.Module, beta: float) -> None:
    """Running mean: ema <- p + beta (ema - p) for parameters; buffers are copied."""
    torch._foreach_lerp_(list(ema.parameters()), list(source.parameters()), 1 - beta)  # type: ignore
    for kept, new in zip(ema.buffers(), source.buffers(), strict=True):
        kept.copy_(new)


def ema_beta(settings: Settings, images: int, batch: int) -> float:
    """Decay of one `batch`: a half life of ema_kimg, but at most `ema_ramp` of `images`, which all layers have seen."""
    half_life = settings.ema_kimg * 1000
    if settings.ema_ramp is not None:
        half_life = min(half_life, images * settings.ema_ramp)
    return 0.5 ** (batch / max(half_life, 1e-8))
