"""How the tiles of a convolution are grouped into blocks that fit the cache and busy all threads."""

from dataclasses import dataclass

from cuda_ops.cpu.gemm import ROWS

CACHE_FLOATS = (
    1 << 20
)  # transformed inputs of a block: every group of maps reads them again, so they stay in the cache
LEAST, MOST = 48, 192  # tiles in a block: for the product to be fast, and at most


@dataclass(frozen=True)
class Blocks:
    """How the work is cut: blocks of `tiles` tiles, row by row, for `parts` of the maps, each `groups` ROWS maps."""

    tiles: int  # a multiple of 16, so that only the last block is padded
    parts: int
    groups: int
    count: int  # blocks times parts
    needed: int  # blocks that the cache asks for, by however many threads


def blocks_for(depth: int, O: int, tiles: int, threads: int) -> Blocks:
    """Blocks for `tiles` tiles whose transforms have `depth` numbers each: wide enough for the product, small enough
    for the cache, and enough of them for all threads."""
    most = min(max(CACHE_FLOATS // depth // 16 * 16, 16), MOST)
    needed = -(-tiles // most)
    shared = round_up(needed, threads)  # as many for each thread
    own = round_up(-(-tiles // (shared if tiles >= LEAST * shared else needed)), 16)
    blocks, groups = -(-tiles // own), -(-O // ROWS)
    parts = min(threads, groups) if blocks % threads and blocks < 3 * threads else 1
    return Blocks(own, parts, -(-groups // parts), blocks * parts, needed)


def round_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
