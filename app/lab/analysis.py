"""What the lab computes of an activation, in a thread of its own: its contact sheet, its spectrum, its histogram."""

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cuda_ops.background import Background

if TYPE_CHECKING:
    from engine.inspect.sheet import Tiles

log = logging.getLogger(__name__)
SHEET_PIXELS = 1 << 20
BETA = 8.0  # of the Kaiser window
SPECTRAL = 1 << 20  # samples that a spectrum is taken from; of more channels every n-th
BINS = 96
BRIGHT = 99.8  # percentile of magnitudes at which the atlas's colours end: single peaks do not darken all others


@dataclass(frozen=True)
class Asked:
    """How an activation is to be looked at: order of the channels, the chosen one, each to its own scale or not."""

    sort: str = "energy"
    channel: int = 0
    each: bool = False
    aspect: float = 1.8
    pixels: int = SHEET_PIXELS


@dataclass(frozen=True, eq=False)
class Findings:
    """All about one activation. `rgba` [H, W, 4] uint8 is the sheet, `tiles` tells where channels are on it.

    `curves` are slices of the power spectrum in dB over cycles per picture width; `counts` divides `low..high`.
    """

    step: str
    shape: tuple[int, int, int]
    rgba: np.ndarray
    tiles: "Tiles"
    high: float  # the magnitude at the end of the sheet's colours
    curves: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    nyquist: float = 0.0
    counts: np.ndarray = field(default_factory=lambda: np.zeros(BINS))
    low_high: tuple[float, float] = (0.0, 0.0)
    mean_std: tuple[float, float] = (0.0, 0.0)


def analyse(step: str, values: np.ndarray, rate: float, asked: Asked) -> Findings:
    """All of it, here and now: `values` [C, H, W] float32, `rate` samples per picture width."""
    import torch

    from engine.inspect import colours, sheet, spectrum, statistics

    x = torch.from_numpy(values)
    C, H, W = x.shape
    tiles = sheet.lay_out((C, H, W), sheet.order(x, asked.sort, asked.channel), asked.pixels, asked.aspect)
    cells = sheet.assemble(x, tiles, asked.each)
    known = statistics.measure(x)
    high = 1.0 if asked.each else float(np.nanpercentile(np.abs(values.ravel()[:: values.size // 65536 | 1]), BRIGHT))
    high = high if 0 < high < np.inf else known.peak or 1.0
    rgba = colours.paint(cells.numpy(), "signed", -high, high)
    rgba[sheet.gaps(tiles).numpy()] = (0, 0, 0, 0)
    thin = max(1, C * H * W // SPECTRAL)
    power = spectrum.power(x[::thin], BETA).mean(dim=0).numpy()
    slices = {"radial": spectrum.radial(power, rate)}
    if H == W:
        slices = {f"{degrees}°": spectrum.along(power, degrees, rate) for degrees in (0, 45)} | slices
    curves = {name: (f, 10 * np.log10(np.maximum(p, 1e-12))) for name, (f, p) in slices.items()}
    counts = statistics.histogram(x, known, BINS)
    return Findings(
        step, (C, H, W), rgba, tiles, high, curves, rate / 2, counts, (known.low, known.high), (known.mean, known.std)
    )  # fmt: skip


class Analysis:
    """Answers the newest question of each place in a thread. `ask` returns at once; `found` is the newest answer."""

    def __init__(self) -> None:
        self.found: dict[str, Findings] = {}
        self.error = ""
        self._asked: dict[str, Hashable] = {}
        self._waiting: dict[str, Callable[[], Findings]] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread = Background(self._run, name="analysis", end=self.close)
        self._thread.start()

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def ask(self, place: str, key: Hashable, work: Callable[[], Findings]) -> None:
        """Have `work()` done for a place, unless it was asked for under this key before."""
        if self._asked.get(place) == key:
            return
        self._asked[place] = key
        with self._changed:
            self._waiting[place] = work
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()

    def _run(self) -> None:
        import torch

        torch.set_num_threads(1)  # the other processors are the window's
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if self._closing:
                    return
                place = next(iter(self._waiting))
                work = self._waiting.pop(place)
            try:
                self.found[place] = work()
                self.error = ""
            except Exception as error:  # shown in the lab; the next question is tried again
                log.exception("analysing")
                self.error = f"The analysis failed: {type(error).__name__}: {error}"
