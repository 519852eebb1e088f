"""What a scene says about looking inside a network: which step is shown and how, and what is bent between steps."""

from typing import Annotated, Literal

import msgspec

from engine.declare import Topic, param

CHANNEL_MAX = 65535
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class View(Topic, frozen=True):
    """What the viewport shows: the picture, or the activation that a step leaves behind."""

    step: Annotated[
        str, param(label="Step", help="Step whose activation is shown, by its name; empty shows the picture.")
    ] = ""
    part: Annotated[
        Literal["output", "weight", "styles"],
        param(
            label="Part",
            help="What of the step is shown: what it makes, its weight (kernels beside each other, a picture for each output channel), or the styles it reads.",
        ),
    ] = "output"
    mode: Annotated[
        Literal["channel", "rgb", "mean", "norm", "pca", "sheet"],
        param(
            label="Mode",
            help="One channel, three as red, green and blue, the channels' mean or norm, their three principal components, or a contact sheet of all.",
        ),
    ] = "channel"
    channel: Annotated[
        int,
        param(
            0, CHANNEL_MAX, label="Channel", slider=(0, 511),
            help="The channel shown, or the first of three; a number past the last one counts from the start again.",
        ),
    ] = 0  # fmt: skip
    scale_db: Annotated[
        float,
        param(-40, 40, label="Scale", unit="dB", step=0.1, help="Brightens or darkens what is shown; 20 dB is a factor of 10."),
    ] = 0.0  # fmt: skip
    normalise: Annotated[
        bool, param(label="Normalise", help="Scales by the largest magnitude shown; off, the scale ends at 1.")
    ] = True
    colours: Annotated[
        Literal["auto", "grey", "heat", "signed"],
        param(
            label="Colours",
            help="Auto: signed for values of both signs, heat for magnitudes. Signed is symmetric about zero.",
        ),
    ] = "auto"
    sort: Annotated[
        Literal["index", "energy", "distance"],
        param(
            label="Sort",
            help="Order of the contact sheet: by number, by energy, or by likeness to the chosen channel.",
        ),
    ] = "energy"
    each: Annotated[
        bool, param(label="Each", help="In the contact sheet every channel has its own scale, so that faint ones show.")
    ] = False  # fmt: skip
    fft: Annotated[
        bool, param(label="Spectrum", help="Shows the power spectrum about the mean, zero frequency in the middle.")
    ] = False  # fmt: skip
    fft_all: Annotated[
        bool, param(label="All channels", help="Averages the power of all channels instead of those shown.")
    ] = False
    fft_range: Annotated[
        float,
        param(0.1, 100, label="Range", unit="dB", slider=(1, 100), step=0.5, help="Span of the spectrum's colours below its peak."),
    ] = 50.0  # fmt: skip
    fft_beta: Annotated[
        float,
        param(0, 50, label="Kaiser beta", slider=(0, 20), step=0.1, help="Shape of the window: 0 is a rectangle, more leaks less and blurs more."),
    ] = 8.0  # fmt: skip
    probe: Annotated[
        bool, param(label="Probe", help="Lists the strongest channels of every step at the probed place.")
    ] = False
    probe_x: Annotated[
        float, param(0, 1, label="Probe x", unit="widths", step=0.001, help="Probed place, from the picture's left edge.")
    ] = 0.5  # fmt: skip
    probe_y: Annotated[
        float, param(0, 1, label="Probe y", unit="heights", step=0.001, help="Probed place, from the picture's upper edge.")
    ] = 0.5  # fmt: skip


class Bend(Topic, frozen=True):
    """A change to what a step hands on, in some channels, everywhere or in a round place (GAN dissection); or to the
    style that it reads (StyleSpace), which acts everywhere."""

    step: Annotated[str, param(label="Step", help="Step whose output is changed, by its name.")] = ""
    kind: Annotated[
        Literal["ablate", "boost", "offset", "style"],
        param(
            label="Kind",
            help="Ablate sets to zero, boost multiplies by 1 + amount, offset adds the amount; style adds it to the style channels that the step reads (StyleSpace).",
        ),
    ] = "ablate"
    channels: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=0, le=CHANNEL_MAX)], ...],
        param(label="Channels", help="Channels that are changed; none named means all."),
    ] = ()
    amount: Annotated[
        float,
        param(
            -100, 100, label="Amount", slider=(-4, 4), step=0.01,
            help="What a boost adds of the channel itself (1 doubles it), or what an offset or a style adds; 0 changes nothing.",
        ),
    ] = 0.0  # fmt: skip
    on: Annotated[bool, param(label="On", help="Whether this bend acts.")] = True
    x: Annotated[
        float, param(0, 1, label="Place x", unit="widths", step=0.005, help="Centre of the place, from the left edge.")
    ] = 0.5  # fmt: skip
    y: Annotated[
        float, param(0, 1, label="Place y", unit="heights", step=0.005, help="Centre of the place, from the upper edge.")
    ] = 0.5  # fmt: skip
    radius: Annotated[
        float, param(0, 2, label="Radius", unit="widths", slider=(0, 1), step=0.005, help="Size of the place; 0 is everywhere.")
    ] = 0.0  # fmt: skip
    stroke: Annotated[
        tuple[tuple[Share, Share], ...],
        param(label="Stroke", help="Further centres (x, y) of places of this radius, as painted on the picture."),
    ] = ()
