"""Settings of ``[footprint]``."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import setting


@dataclass(frozen=True)
class Params:
    """How time becomes energy and carbon. Triples are low, best, high."""

    region: str = setting("WORLD", "whose electricity: an ISO 3166 code of three letters, or WORLD")
    g_per_kwh: float | None = setting(
        None,
        "carbon intensity of your electricity; empty: the region's",
        unit="g CO2e/kWh",
        minimum=0.0,
        maximum=2000.0,
    )
    g_per_kwh_source: str = setting("", "where that number is from, and its year")
    grid_spread: float = setting(
        0.25, "how far the true intensity may lie from it, as hours and seasons differ", minimum=0.0, maximum=1.0
    )
    pue: tuple[float, float, float] = setting(
        (1.0, 1.2, 1.6), "power usage effectiveness of the building; 1 at home", minimum=1.0, maximum=5.0
    )
    core_watts: tuple[float, float, float] = setting(
        (4.0, 10.0, 20.0), "what a busy processor core draws, with its share of memory and board", unit="W", minimum=0.0
    )
    idle_watts: float = setting(
        0.0, "what the machine draws anyway, if it ran for the album only", unit="W", minimum=0.0
    )
    accelerator: str = setting("", "which accelerator it was, e.g. A100; empty: as recorded")
    accelerator_watts: float | None = setting(
        None, "rated power of one accelerator; empty: from the table", unit="W", minimum=0.0, maximum=5000.0
    )
    target: float = setting(
        8.0, "the report says what so many times the best estimate comes to, for whoever offsets it", minimum=0.0
    )
