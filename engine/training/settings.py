"""Everything that determines a training run besides its pictures; stored as config.json in the run folder."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.errors import StyleScopeError

Count = Annotated[int, Meta(ge=1)]
Number = Annotated[int, Meta(ge=0)]
Amount = Annotated[float, Meta(ge=0)]
Length = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]

EMA_RAMP = 0.05  # of the pictures that all layers have seen: what a running mean of young weights looks back on


class TrainingError(StyleScopeError):
    """A training run cannot start, or cannot go on."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one run. Lengths of training are in kimg, thousands of real pictures shown."""

    data: str  # folder or zip
    cfg: Literal["stylegan1", "stylegan2", "stylegan3-t", "stylegan3-r"] = "stylegan2"
    resolution: int = 64
    conditional: bool = False
    mirror: bool = False
    max_images: Count | None = None
    seed: Number = 0

    kimg: Length = 1000.0
    batch: Count = 16
    micro_batch: Count | None = None  # pictures at once over all processes; None = the whole batch

    z_dim: Count = 128
    w_dim: Count = 128
    mapping_layers: Number = 2
    channels: tuple[Count, ...] = ()  # of G at 4x4, 8x8 ...; (channel_base, channel_max) for StyleGAN3
    layers: Count = 14  # of StyleGAN3, without toRGB
    d_channels: tuple[Count, ...] = ()  # of D at 4x4, 8x8 ...; () = as G
    d_architecture: Literal["resnet", "skip", "orig"] = "resnet"
    mbstd_group: Count = 4
    num_fp16_res: Number = 0

    g_lr: Amount = 0.0025
    d_lr: Amount = 0.0025
    gamma: Amount = 0.1  # weight of R1
    r1_interval: Number = 16  # batches between lazy regularisation; 0 = in every step, summed with the main loss
    path_weight: Amount = 2.0
    path_interval: Number = 4
    mixing: Share = 0.9  # probability of style mixing
    ema_kimg: Amount = 5.0  # half life
    ema_ramp: Length | None = EMA_RAMP  # half life over the pictures that all layers have seen, where that is less
    blur_sigma: Amount = 0.0  # of D's inputs at the start; fades over blur_kimg
    blur_kimg: Length = 100.0

    grow_from: Number = 0  # resolution at which StyleGAN starts to grow; 0 = no growing
    grow_kimg: Length = 600.0  # at each resolution, before the next one fades in
    fade_kimg: Amount = 600.0
    grow_batch: bool = True  # larger batches below 64x64

    augment: Literal["none", "ada", "fixed"] = "none"
    augment_p: Share = 0.0  # of "fixed", or where "ada" starts
    augment_pipe: str = "bgc"
    ada_target: Share = 0.6
    ada_kimg: Length = 500.0

    init: str | None = None  # run or checkpoint to start from
    teach_kimg: Amount = 0.0  # before D joins, G learns to show what the generator of `init` shows of the same z
    teach_features: Amount = 0.0  # weight in that lesson of what the discriminator of `init` sees in both pictures
    teach_weight: Amount = 0.0  # of the lesson in pixels in G's loss when D has joined; without style mixing
    g_config: dict[str, Any] | None = None  # design of G and D, where they are those of `init`
    d_config: dict[str, Any] | None = None
    freeze_d: Number = 0  # layers of D, from the picture on, that do not learn

    tick_kimg: Length = 1.0  # between lines of stats.jsonl
    sheet_kimg: Length = 10.0
    save_kimg: Length = 20.0
    keep: Count = 3  # checkpoints kept
    device: str = "cpu"


def preset(cfg: str, resolution: int, batch: int, fine_tuning: bool = False) -> dict[str, Any]:
    """Settings that the papers' releases choose for a configuration, resolution and batch size."""
    ema = {"ema_kimg": batch * 10 / 32, "ema_ramp": None if fine_tuning else EMA_RAMP}
    ada = {"ada_kimg": 100.0} if fine_tuning else {}
    if cfg == "stylegan1":
        return {
            "mapping_layers": 8, "g_lr": 0.001, "d_lr": 0.001, "gamma": 10.0, "r1_interval": 0, "path_weight": 0.0,
            "ema_kimg": 10.0, "ema_ramp": None, "grow_from": 0 if fine_tuning else 8,
        }  # fmt: skip
    if cfg == "stylegan2":
        return {"gamma": 0.0002 * resolution**2 / batch, **ema, **ada}
    shared = {"gamma": resolution**2 / 2**15 * 32 / batch, "d_lr": 0.002, "mixing": 0.0, "path_weight": 0.0}
    blur = (
        {"blur_sigma": 10.0, "blur_kimg": 200 * batch / 32}
        if cfg == "stylegan3-r" and not fine_tuning
        else {}
    )
    return shared | ema | ada | blur


def check(settings: Settings, processes: int = 1) -> Settings:
    """The same settings, or a TrainingError that names what does not fit."""
    R, batch, micro = settings.resolution, settings.batch, settings.micro_batch or settings.batch
    if R < 8 or R & (R - 1):
        raise TrainingError(f"--res: expected a power of two of at least 8, found {R}.")
    if batch < 1 or batch % micro:
        raise TrainingError(f"--batch: expected a multiple of --micro-batch ({micro}), found {batch}.")
    group = min(settings.mbstd_group, micro)
    if micro % (group * processes):
        raise TrainingError(
            f"--batch: {micro} pictures at once cannot be dealt to {processes} process(es) in groups of {group}; "
            f"choose a multiple of {group * processes}."
        )
    if settings.grow_from and (settings.cfg != "stylegan1" or not 4 <= settings.grow_from <= R):
        raise TrainingError(
            f"--grow-from: expected 4 to {R}, with --cfg stylegan1, found {settings.grow_from} with {settings.cfg}."
        )
    if settings.teach_kimg and (settings.init is None or settings.cfg == "stylegan1"):
        raise TrainingError(
            "teach_kimg: expected --init, a network to learn from, and another --cfg than stylegan1; "
            f"found --init {settings.init or 'absent'} with {settings.cfg}."
        )
    if settings.teach_features and not settings.teach_kimg:
        raise TrainingError(
            "teach_features: expected teach_kimg above 0, the length of the lessons, found 0; set it too."
        )
    if settings.teach_weight and (not settings.teach_kimg or settings.mixing):
        raise TrainingError(
            "teach_weight: expected teach_kimg above 0 and mixing=0, "
            f"found {settings.teach_kimg:g} and {settings.mixing:g}; set them, or teach_weight=0."
        )
    levels = R.bit_length() - 2
    for name, channels in (("--channels", settings.channels), ("--d-channels", settings.d_channels)):
        plain = name == "--d-channels" or not settings.cfg.startswith("stylegan3")
        if channels and plain and len(channels) != levels:
            raise TrainingError(
                f"{name}: expected {levels} numbers, for 4x4 up to {R}x{R}, found {len(channels)}; "
                "name them (what --init hands on fits its own --cfg only)."
            )
        if channels and not plain and len(channels) != 2:
            raise TrainingError(
                f"{name}: expected channel_base,channel_max for {settings.cfg}, found {len(channels)} numbers; "
                "choose, say, 1024,64 (what --init hands on fits its own --cfg only)."
            )
    return settings


def convert(values: dict[str, Any]) -> Settings:
    """Settings of values by name, which may be text as typed; TrainingError says which is wrong."""
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise TrainingError(f"Settings: {error}; config.json of any run lists them all.") from error


def to_json(settings: Settings) -> bytes:
    """Settings as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n"


def from_json(text: bytes | str, name: str = "config.json") -> Settings:
    """Settings of JSON text; TrainingError says which field is wrong."""
    try:
        return msgspec.json.decode(text, type=Settings)
    except msgspec.MsgspecError as error:
        raise TrainingError(
            f"{name}: not the settings of a training run ({error}); start a new run."
        ) from error
