"""`convert`: a checkpoint as StyleScope's own safetensors, checked against the file it came from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from torch import Tensor

    from engine.checkpoints import Checkpoint

SEEDS = (0, 1)  # latents whose pictures are compared
ROUNDING = 1e-5  # of the largest value; weights that lie differently in memory may be summed in another order


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Checkpoint to convert.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The .safetensors to write.")],
) -> int:
    """Write every network of a checkpoint to one .safetensors that opens faster, and compare their pictures."""
    from engine.checkpoints import open_checkpoint, write_native
    from engine.errors import StyleScopeError

    if out.suffix != ".safetensors":
        raise StyleScopeError(f"{out}: expected a name that ends in .safetensors; choose another.")
    if out.exists() and source.exists() and out.samefile(source):
        raise StyleScopeError(f"{out}: is the file to convert; choose another name for the new one.")
    before = open_checkpoint(source)
    write_native(before.networks, out)
    try:
        compared = compare(before, open_checkpoint(out))
    except StyleScopeError:
        out.unlink(missing_ok=True)
        raise
    for name, contents in before.networks.items():
        typer.echo(
            f"{name}: {contents.family} {contents.kind}" + (", same pictures" if name in compared else "")
        )
    for note in dict.fromkeys(note for contents in before.networks.values() for note in contents.notes):
        typer.echo(note)
    typer.echo(f"{out}: {out.stat().st_size / 2**20:.1f} MB, {before.format} before")
    return 0


def picture(checkpoint: "Checkpoint", name: str) -> "Tensor":
    """Pictures [N, C, H, W] of a few seeds by the network called `name`, under the zero label."""
    import numpy as np
    import torch

    from engine.latents import labels, seed_to_z
    from engine.models import built

    G = built(checkpoint, checkpoint.networks[name])
    z = torch.from_numpy(np.stack([seed_to_z(seed, G.z_dim) for seed in SEEDS]))
    with torch.inference_mode():
        return G(z, labels([-1] * len(SEEDS), G.c_dim, z.device))


def compare(before: "Checkpoint", after: "Checkpoint") -> list[str]:
    """Names of the generators whose pictures are the same in both files; StyleScopeError where one differs."""
    import torch

    from engine.errors import StyleScopeError

    compared = []
    for name, contents in before.networks.items():
        written = after.networks[name].state
        same = written.keys() == contents.state.keys() and all(
            torch.equal(written[key], value) for key, value in contents.state.items()
        )
        if same and contents.kind == "generator":
            ours, theirs = picture(after, name), picture(before, name)
            same = float((ours - theirs).abs().max()) <= ROUNDING * float(theirs.abs().max())
            compared.append(name)
        if not same:
            raise StyleScopeError(
                f"{after.path.name}: its {name} differs from that of {before.path.name}, so it was removed. "
                "Please report it with the name of the file."
            )
    return compared
