"""How the tiles of a convolution are grouped into blocks that fit the cache and busy all threads."""

from dataclasses import dataclass

from cuda_ops.cpu.gemm import ROWS

CACHE_FLOATS = 1 << 20  # transformed weights that stay near a core; larger ones are worth more tiles at a time
FEW, MANY = 96, 192  # tiles in a block: with weights that stay, and with weights that are read anew for each block


@dataclass(frozen=True)
class Blocks:
    """How tiles are grouped: blocks of `rows` x `tiles`, `segments` side by side, for `parts` of the output maps."""

    rows: int
    tiles: int
    segments: int
    parts: int
    groups: int  # of ROWS output maps, in a part
    count: int

    @property
    def room(self) -> int:
        return round_up(self.rows * self.tiles, 16)


def blocks_for(C: int, O: int, out_h: int, out_w: int, threads: int, size: int) -> Blocks:
    """Blocks wide enough for the product, small enough for the cache, and enough of them for all threads."""
    down, across = -(-out_h // size), -(-out_w // size)
    wanted = FEW if (size + 2) ** 2 * C * O <= CACHE_FLOATS else MANY
    segments = -(-across // wanted)
    tiles = round_up(-(-across // segments), 16) if segments > 1 else across
    segments = -(-across // tiles)
    rows = 1 if segments > 1 else _rows(tiles, down, wanted)
    count = -(-down // rows) * segments
    groups = -(-O // ROWS)
    parts = min(threads, groups) if threads > 1 and count < 3 * threads else 1
    return Blocks(rows, tiles, segments, parts, -(-groups // parts), count * parts)


def _rows(tiles: int, down: int, wanted: int) -> int:
    """Rows of tiles in a block: those that waste least when their tiles are rounded up to whole vectors."""
    choices = range(1, max(min(down, 2 * wanted // tiles), 1) + 1)
    full = [r for r in choices if r * tiles >= min(wanted, down * tiles)] or list(choices)
    return min(full, key=lambda r: (round(round_up(r * tiles, 16) / (r * tiles), 2), r))


def round_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
