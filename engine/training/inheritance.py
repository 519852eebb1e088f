"""Settings that a run takes over from the network it starts from: its design, widened to a larger resolution."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from engine.checkpoints import open_checkpoint
from engine.networks import discriminator
from engine.training.files import RunFolder
from engine.training.players import DESIGNS
from engine.training.settings import EMA_RAMP, Settings, TrainingError

PLAIN = (
    "cfg", "z_dim", "w_dim", "mapping_layers", "channels", "layers", "d_channels", "d_architecture",
)  # fmt: skip  # settings that say what the networks look like
FAMILIES = {"stylegan1": "stylegan1", "stylegan2": "stylegan2", "stylegan3": "stylegan3-t"}
NARROWEST = 8  # channels that a new resolution has at least, where the one before has them


def inherit(source: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a run that goes on from the run or file `source`: its configuration, resolution and design.

    Where `changes` ask for another resolution, each new doubling has half the channels of the one before it. Where
    they ask for channels, those of the other network and the rest of the design stay. Where layers begin
    as random ones, the running mean of G forgets those soon (`ema_ramp`).
    """
    of_run = (source / "config.json").exists()
    R, G, D, found = _of_run(RunFolder(source).settings()) if of_run else _of_file(source)
    young = changes.get("cfg", found["cfg"]) != found["cfg"]
    if changes.get("resolution", R) == R and not (G and changes.get("channels")):
        found |= {"resolution": R, "g_config": G} | ({} if changes.get("d_channels") else {"d_config": D})
    else:
        found, young = resized(found, changes.get("resolution", R)), True
    return found | ({"ema_ramp": EMA_RAMP} if young else {})


def _of_run(settings: Settings) -> tuple[int, dict | None, dict | None, dict[str, Any]]:
    """Resolution, designs of G and D where they came from a file, and the design in plain settings."""
    found = {name: getattr(settings, name) for name in PLAIN}
    if settings.g_config is not None:
        found |= plain_g(settings.cfg, msgspec.convert(settings.g_config, DESIGNS[settings.cfg][0]))
    if settings.d_config is not None:
        found |= plain_d(msgspec.convert(settings.d_config, discriminator.Config))
    return settings.resolution, settings.g_config, settings.d_config, found


def _of_file(source: Path) -> tuple[int, dict | None, dict | None, dict[str, Any]]:
    """The same of a checkpoint."""
    networks = open_checkpoint(source).networks
    G = next((networks[name] for name in ("G_ema", "G") if name in networks), None)
    if G is None or G.family not in FAMILIES:
        raise TrainingError(
            f"{source}: expected a StyleGAN generator to start from, found none; choose another --init."
        )
    if G.config.img_channels != 3:
        raise TrainingError(
            f"{source}: expected a generator of colour pictures, found {G.config.img_channels} channel(s)."
        )
    cfg = "stylegan3-r" if getattr(G.config, "conv_kernel", 3) == 1 else FAMILIES[G.family]
    found: dict[str, Any] = {"cfg": cfg, **plain_g(cfg, G.config)}
    D = networks["D"].config if "D" in networks and networks["D"].family == "discriminator" else None
    return G.config.img_resolution, asdict(G.config), asdict(D) if D else None, found | (plain_d(D) if D else {})


def plain_g(cfg: str, config: Any) -> dict[str, Any]:
    """The design of a generator as far as plain settings can say it."""
    found = {"z_dim": config.z_dim, "w_dim": config.w_dim, "mapping_layers": config.mapping.num_layers}
    if not cfg.startswith("stylegan3"):
        return found | {"channels": tuple(config.channels)}
    doubled = 2 if cfg == "stylegan3-r" else 1
    widths = (config.channel_base // doubled, config.channel_max // doubled)
    return found | {"channels": widths, "layers": config.num_layers}


def plain_d(config: discriminator.Config) -> dict[str, Any]:
    """The design of a discriminator in settings."""
    return {"d_channels": tuple(config.channels), "d_architecture": config.architecture}


def resized(design: dict[str, Any], resolution: int) -> dict[str, Any]:
    """The plain design at another resolution; StyleGAN3's own widths follow from its layers' cutoffs."""
    of_levels = ("d_channels",) if design["cfg"].startswith("stylegan3") else ("channels", "d_channels")
    grown = {name: widths(tuple(design.get(name, ())), resolution) for name in of_levels}
    return design | grown | {"resolution": resolution}


def widths(channels: tuple[int, ...], resolution: int) -> tuple[int, ...]:
    """Channels at 4x4 ... `resolution`: those given, then half of the one before each; () stays the papers' plan."""
    while channels and len(channels) < resolution.bit_length() - 2:
        channels += (max(channels[-1] // 2, min(NARROWEST, channels[-1])),)
    return channels[: resolution.bit_length() - 2]
