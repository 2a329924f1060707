"""How the album is compared with the band."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..settings import setting


@dataclass(frozen=True)
class Params:
    """``[resemblance]``: what is compared, and in how many pieces."""

    which: str = setting(
        "kept", "compare the kept takes (all takes while none is kept), or all", choices=("kept", "all")
    )
    patch_s: float = setting(3.0, "length of a patch", unit="s", minimum=0.5, maximum=30)
    patches: int = setting(24, "patches per song at most, evenly spread", unit="patches", minimum=4, maximum=1000)
    components: int = setting(16, "principal components the Fréchet distance is taken in", minimum=2, maximum=128)
    neighbours: int = setting(5, "k of the k-nearest-neighbour balls of coverage", minimum=1, maximum=50)
    cut_s: float = setting(
        60.0, "form is measured on cuts this long, or as long as the takes where they are shorter", unit="s", minimum=10
    )
    splits: int = setting(10, "random halvings of the band that make the floor", minimum=2, maximum=200)

    def in_key(self) -> dict[str, Any]:
        """As they stand in a finding's key: with two settings that neuralbum 0.1 had, so that its findings count."""
        return {"embedding": "mfcc", "musicnn": "", **asdict(self)}
