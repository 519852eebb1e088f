"""From a Scene to a Frame. `load_model` opens a network for a notebook."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.networks.common import Generator


def load_model(path: str = "", network: str = "G_ema") -> "Generator | Any":
    """Open a checkpoint of the StyleGAN family without running anything in it; empty path = the bundled network.

    Returns a generator with z_dim, c_dim, w_dim, num_ws, img_resolution, img_channels, `mapping(z, c=None,
    truncation_psi=1, truncation_cutoff=None)` and `synthesis(ws, noise_mode="const", input_transform=None, lod=None)`.
    With network="D" the file's discriminator: `D(img, c=None)` gives logits [N, 1].
    Raises CheckpointError with a sentence that says what was expected and found.
    """
    from engine.models import ModelStore

    store = ModelStore()
    return store.discriminator(str(path)) if network == "D" else store.get(str(path), network).generator
