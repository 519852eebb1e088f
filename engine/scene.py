"""Everything that determines a frame, as one frozen tree; each parameter is declared here, once, and nowhere else."""

from typing import Annotated, Literal

import msgspec

from engine.declare import Topic, param
from engine.looking import Bend, View

SEED_MAX = 2**32 - 1
ROW_STRIDE = 100  # seeds between two rows of the seed plane


class Model(Topic, frozen=True):
    path: Annotated[
        str, param(label="File", help="Checkpoint that plays; empty means the bundled network.")
    ] = ""
    network: Annotated[
        str,
        param(
            label="Network",
            help="Which network of the file: G_ema is the running average, G the raw generator.",
        ),
    ] = "G_ema"
    judge: Annotated[
        bool, param(label="Judge", help="Shows what the file's discriminator says of the picture; above 0 it looks real.")
    ] = False


class Latent(Topic, frozen=True):
    mode: Annotated[
        Literal["seeds", "vector"],
        param(
            label="Latent", help="Seeds: a point on the plane of seeds. Vector: one stored vector of Z or W."
        ),
    ] = "seeds"
    seed: Annotated[
        int,
        param(
            0,
            SEED_MAX,
            label="Seed",
            slider=(0, 9999),
            help="Seed at the origin of the plane: z = RandomState(seed).",
        ),
    ] = 0
    x: Annotated[
        float,
        param(
            -1e6,
            1e6,
            label="Plane x",
            unit="seeds",
            slider=(-5, 5),
            step=0.01,
            help="Position along seeds; blends neighbours in W.",
        ),
    ] = 0.0
    y: Annotated[
        float,
        param(
            -1e6,
            1e6,
            label="Plane y",
            unit="rows",
            slider=(-5, 5),
            step=0.01,
            help="Position across rows of 100 seeds; blends rows in W.",
        ),
    ] = 0.0
    walk: Annotated[
        float,
        param(
            -20,
            20,
            label="Walk",
            unit="/s",
            slider=(-4, 4),
            step=0.01,
            help="Speed along x while playing, in seeds per second.",
        ),
    ] = 0.0
    space: Annotated[
        Literal["z", "w"],
        param(
            label="Space",
            help="Whether the stored vector is a z, which is mapped, or a w, which is used as it is.",
        ),
    ] = "z"
    vector: Annotated[
        tuple[float, ...], param(label="Vector", help="The stored vector; empty until one is set.")
    ] = ()


class Label(Topic, frozen=True):
    index: Annotated[
        int,
        param(
            -1,
            1_000_000,
            label="Class",
            slider=(-1, 9),
            help="Class of a conditional network; -1 means the zero label.",
        ),
    ] = 0


class Truncation(Topic, frozen=True):
    psi: Annotated[
        float,
        param(
            -1,
            2,
            label="Psi",
            step=0.01,
            help="w' = w_avg + psi (w - w_avg): 1 leaves w, 0 gives the average.",
        ),
    ] = 1.0
    cutoff: (
        Annotated[
            int,
            param(
                0,
                64,
                label="Cutoff",
                unit="layers",
                help="Truncate only the first layers; unset means the network's default.",
            ),
        ]
        | None
    ) = None


class Source(Topic, frozen=True):
    """One more latent for style mixing, and the rows of ws that it owns."""

    seed: Annotated[int, param(0, SEED_MAX, label="Seed", slider=(0, 9999), help="Seed of this source.")] = 1
    amount: Annotated[
        float,
        param(
            0,
            1,
            label="Amount",
            step=0.01,
            help="0 keeps the base latent in the owned layers, 1 replaces it.",
        ),
    ] = 1.0
    layers: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=0, le=64)], ...],
        param(
            label="Layers",
            help="Rows of ws that this source owns; where two sources claim a row, the later one has it.",
        ),
    ] = ()


class Mixing(Topic, frozen=True):
    sources: Annotated[
        tuple[Source, ...], param(label="Sources", help="Sources of style mixing beside the base latent.")
    ] = ()


class Noise(Topic, frozen=True):
    mode: Annotated[
        Literal["const", "random", "none"],
        param(
            label="Noise", help="Const: the checkpoint's own. Random: drawn from the seed. None: no noise."
        ),
    ] = "const"
    strength: Annotated[
        float,
        param(
            -5,
            5,
            label="Strength",
            slider=(0, 2),
            step=0.01,
            help="Factor on every layer's learned noise strength.",
        ),
    ] = 1.0
    layers: Annotated[
        tuple[
            Annotated[
                float,
                param(
                    -5,
                    5,
                    label="Layer strength",
                    slider=(0, 2),
                    step=0.01,
                    help="Factor on this layer's noise.",
                ),
            ],
            ...,
        ],
        param(label="Per layer", help="Factor on each noise layer in order; a missing one counts as 1."),
    ] = ()
    seed: Annotated[
        int, param(0, SEED_MAX, label="Noise seed", slider=(0, 9999), help="Seed of random noise.")
    ] = 0
    animate: Annotated[
        bool, param(label="Animate", help="Draw new random noise while playing, `rate` times a second.")
    ] = False
    rate: Annotated[
        float,
        param(
            0.1, 120, label="Rate", unit="/s", slider=(1, 30), help="How often animated noise is drawn anew."
        ),
    ] = 12.0


class Transform(Topic, frozen=True):
    x: Annotated[
        float,
        param(
            -10,
            10,
            label="Translate x",
            unit="widths",
            slider=(-1, 1),
            step=0.0005,
            help="Moves the content right, in picture widths.",
        ),
    ] = 0.0
    y: Annotated[
        float,
        param(
            -10,
            10,
            label="Translate y",
            unit="widths",
            slider=(-1, 1),
            step=0.0005,
            help="Moves the content down, in picture widths.",
        ),
    ] = 0.0
    rotate: Annotated[
        float,
        param(
            -3600,
            3600,
            label="Rotate",
            unit="°",
            slider=(-180, 180),
            step=0.1,
            help="Turns the content counter-clockwise.",
        ),
    ] = 0.0
    scale: Annotated[
        float,
        param(
            0.1,
            10,
            label="Scale",
            unit="×",
            slider=(0.25, 4),
            step=0.01,
            help="Enlarges the content about the centre.",
        ),
    ] = 1.0
    snap: Annotated[
        bool, param(label="Snap px", help="Rounds the translation to whole pixels of the picture.")
    ] = False
    anchor: Annotated[
        bool,
        param(
            label="Anchor", help="Leaves out the transform that the network itself learned to apply from w."
        ),
    ] = False
    untransform: Annotated[
        bool,
        param(
            label="Untransform",
            help="Moves the picture back after synthesis: what still moves is stuck to the pixels.",
        ),
    ] = False
    travel: Annotated[
        float,
        param(
            0,
            1,
            label="Travel",
            unit="widths/s",
            slider=(0, 0.5),
            step=0.005,
            help="Speed of the translation on a circle while playing.",
        ),
    ] = 0.0
    spin: Annotated[
        float,
        param(
            -360,
            360,
            label="Spin",
            unit="°/s",
            slider=(-90, 90),
            step=0.5,
            help="Speed of the rotation while playing.",
        ),
    ] = 0.0


class Growing(Topic, frozen=True):
    lod: (
        Annotated[
            float,
            param(
                0,
                10,
                label="Lod",
                step=0.01,
                help="Level of detail: missing doublings of progressive growing; unset means the network's own.",
            ),
        ]
        | None
    ) = None


class Scene(Topic, frozen=True):
    """The whole description of a frame; `Scene()` is where everyone starts and what reset returns to."""

    model: Model = Model()
    latent: Latent = Latent()
    label: Label = Label()
    truncation: Truncation = Truncation()
    mixing: Mixing = Mixing()
    noise: Noise = Noise()
    transform: Transform = Transform()
    growing: Growing = Growing()
    view: View = View()
    bends: Annotated[
        tuple[Bend, ...],
        param(label="Bends", help="Changes to what steps hand on; of one step they act in this order."),
    ] = ()
    time: Annotated[
        float, param(0, 1e9, label="Time", unit="s", help="The one clock of everything that moves.")
    ] = 0.0

    # The methods below live in `engine.parameters`; they are here so that a scene is pleasant to hold.

    def get(self, path: str):
        """Value at a dotted path such as `noise.strength`; SceneError for an unknown one."""
        from engine import parameters

        return parameters.get(self, path)

    def set(self, path: str, value) -> "Scene":
        """A new scene with one value changed and checked; SceneError says what was expected and found."""
        from engine import parameters

        return parameters.set(self, path, value)

    def reset(self, path: str) -> "Scene":
        """A new scene with the parameter (or a whole topic) back at its default."""
        from engine import parameters

        return parameters.reset(self, path)
