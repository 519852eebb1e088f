"""`render`: pictures of a scene as PNG files that carry it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Device, Fp32, Network, Settings, Source
from app.cli.words import MOST_SEEDS, apply_settings, open_scene, pair, require_writable, seed_list

if TYPE_CHECKING:
    import numpy as np

    from engine.scene import Scene

OUT = "A .png (overwritten), or a folder (files are numbered by seed, none is overwritten)."
GRID = "One picture of many seeds; it carries the scene of its first."


def render(
    source: Source = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the latent.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Several seeds, such as 1-9,12.")] = None,
    psi: Annotated[float | None, typer.Option(help="Truncation, -1 to 2.")] = None,
    settings: Settings = None,
    out: Annotated[Path, typer.Option(help=OUT)] = Path("."),
    grid: Annotated[str | None, typer.Option(metavar="COLUMNSxROWS", help=GRID)] = None,
    network: Network = None,
    device: Device = "auto",
    fp32: Fp32 = False,
) -> int:
    """Render a scene to PNG files."""
    scene = open_scene(source)
    if network is not None:
        scene = scene.set("model.network", network)
    if psi is not None:
        scene = scene.set("truncation.psi", psi)
    scene = apply_settings(scene, settings or [])
    cells = pair("--grid", grid, "COLUMNSxROWS such as 3x3") if grid else None
    plan = make_plan(scene, seed, seeds, cells, out)
    require_writable("--out", out.parent if plan.is_file else out)
    for path in write(plan, device):
        typer.echo(path)
    return 0


@dataclass(frozen=True)
class Plan:
    """Which scenes go where: one file each, or all into one grid."""

    scenes: tuple["Scene", ...]
    out: Path
    is_file: bool
    cells: tuple[int, int] | None  # columns, rows


def make_plan(scene: "Scene", seed: int | None, seeds: str | None, cells: tuple[int, int] | None, out: Path) -> Plan:
    """Check that the options fit each other before anything is loaded."""
    from engine.errors import StyleScopeError

    if seed is not None and seeds is not None:
        raise StyleScopeError("--seed and --seeds: expected one of them, found both.")
    if out.suffix and out.suffix.lower() != ".png" and not out.is_dir():
        raise StyleScopeError(f"--out: expected a .png file or a folder, found {str(out)!r}.")
    is_file = out.suffix.lower() == ".png" and not out.is_dir()
    count = cells[0] * cells[1] if cells else 1
    if cells and count > MOST_SEEDS:
        raise StyleScopeError(f"--grid: expected at most {MOST_SEEDS} pictures, found {grid_text(cells)}.")
    if seeds is not None:
        chosen = seed_list(seeds)
        if cells and len(chosen) != count:
            raise StyleScopeError(f"--grid: {grid_text(cells)} expects {count} seeds, found {len(chosen)} in --seeds.")
    else:
        first = scene.latent.seed if seed is None else seed
        chosen = tuple(range(first, first + count)) if cells or seed is not None else ()
    if is_file and len(chosen) > 1 and not cells:
        raise StyleScopeError(f"--out: {len(chosen)} pictures need a folder or --grid, found the file {out.name!r}.")
    scenes = tuple(scene.set("latent.mode", "seeds").set("latent.seed", s) for s in chosen) or (scene,)
    return Plan(scenes, out, is_file, cells)


def grid_text(cells: tuple[int, int]) -> str:
    return f"{cells[0]}x{cells[1]}"


def write(plan: Plan, device: str) -> Iterator[Path]:
    """Render and save the plan; yields each path when its file is complete."""
    from app.cli.engines import open_renderer, picture_of

    renderer = open_renderer(device)
    if plan.cells:
        sheet = tile([picture_of(renderer, scene) for scene in plan.scenes], *plan.cells)
        yield save(sheet, plan.scenes[0], plan.out if plan.is_file else numbered(plan.out, "grid"))
        return
    for scene in plan.scenes:
        picture = picture_of(renderer, scene)
        name = f"seed{scene.latent.seed:04d}" if scene.latent.mode == "seeds" else "vector"
        yield save(picture, scene, plan.out if plan.is_file else numbered(plan.out, name))


def tile(pictures: "list[np.ndarray]", columns: int, rows: int) -> "np.ndarray":
    """[rows * columns] pictures of one size as one picture, row by row."""
    import numpy as np

    h, w, c = pictures[0].shape
    sheet = np.stack(pictures).reshape(rows, columns, h, w, c)  # [R, K, H, W, C]
    return sheet.swapaxes(1, 2).reshape(rows * h, columns * w, c)  # [R H, K W, C]


def numbered(folder: Path, name: str) -> Path:
    """`name.png` in the folder, or `name-2.png` and so on: a file that is not there yet."""
    path, n = folder / f"{name}.png", 2
    while path.exists():
        path, n = folder / f"{name}-{n}.png", n + 1
    return path


def save(picture: "np.ndarray", scene: "Scene", path: Path) -> Path:
    """Write the PNG with its scene; StyleScopeError when the place cannot be written."""
    from engine import scenefile
    from engine.errors import StyleScopeError

    try:
        scenefile.save_png(picture, scene, path)
    except OSError as error:
        reason = error.strerror or error
        raise StyleScopeError(f"{path}: cannot be written ({reason}); choose another --out.") from error
    return path
