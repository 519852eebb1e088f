"""What panels remember of recent frames: engine time, and the last measured time of every step."""

from collections import deque
from statistics import median

from engine.frame import Frame, ModelFacts

KEPT = 120  # frames
OPENING = "model"  # the stage that fetches the network: a file being read is not a frame being made


class Recent:
    """Times of the newest frames of the network that plays; a frame drawn again does not count twice."""

    def __init__(self) -> None:
        self._model: ModelFacts | None = None
        self.engine: deque[float] = deque(maxlen=KEPT)  # ms
        self.stages: dict[str, deque[float]] = {}
        self._seen: dict[str, float] | None = None

    def take(self, frame: Frame | None) -> None:
        """Note a frame's times, once; failed frames have none."""
        if frame is None or frame.error or not frame.timings or self._seen is frame.timings:
            return
        self._seen = frame.timings
        if frame.model != self._model:
            self._model = frame.model
            self.engine.clear()
            self.stages.clear()
        stages = {name: ms for name, ms in frame.timings.items() if name != OPENING}
        self.engine.append(frame.ms)
        for name, ms in stages.items():
            self.stages.setdefault(name, deque(maxlen=KEPT)).append(ms)

    @property
    def engine_ms(self) -> float | None:
        """Median over the kept frames."""
        return median(self.engine) if self.engine else None

    def stage_ms(self) -> dict[str, float]:
        """Median of every stage."""
        return {name: median(times) for name, times in self.stages.items()}


class StepTimes:
    """The last measured milliseconds of each step of the network that plays; a reused step keeps what it took."""

    def __init__(self) -> None:
        self._model: tuple[str, str] | None = None
        self._ms: dict[str, float] = {}

    def take(self, frame: Frame) -> dict[str, float]:
        """Milliseconds by step name, with this frame's measurements in."""
        model = (frame.model.path, frame.model.network) if frame.model else None
        if model != self._model:
            self._model, self._ms = model, {}
        self._ms.update({step.name: step.ms for step in frame.steps if not step.reused and step.ms})
        return self._ms
