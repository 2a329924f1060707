"""Ranges, and the factors that are known as such, each with its source and year.

Override any factor in ``[footprint]``. Energy is in kWh and mass in kg of CO2 equivalents everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ParameterError
from ..settings import nearest
from .params import Params


@dataclass(frozen=True)
class Range:
    """Low, best and high of one quantity."""

    low: float = 0.0
    best: float = 0.0
    high: float = 0.0

    def __post_init__(self) -> None:
        if not self.low <= self.best <= self.high:
            raise ParameterError(f"a range must be low <= best <= high, not {self.low}, {self.best}, {self.high}")

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.best + other.best, self.high + other.high)

    def times(self, other: Range | float) -> Range:
        """The product; ranges of unrelated things multiply end by end, which is wide on purpose."""
        if isinstance(other, Range):
            return Range(self.low * other.low, self.best * other.best, self.high * other.high)
        return Range(self.low * other, self.best * other, self.high * other)


WORLD = ("WORLD", 480.0, 2023, "Ember, Global Electricity Review 2024")
OWID = "Our World in Data (Ember, Energy Institute), as bundled with codecarbon 3.3.2"

# g CO2e per kWh of electricity generated in the country, yearly mean, location based.
GRID_2023 = {
    "ARG": 354, "AUS": 549, "AUT": 111, "BEL": 138, "BRA": 98, "CAN": 170, "CHE": 35, "CHN": 582, "CZE": 450,
    "DEU": 381, "DNK": 152, "ESP": 174, "FIN": 79, "FRA": 56, "GBR": 238, "IND": 713, "IRL": 291, "ITA": 331,
    "JPN": 485, "KOR": 431, "MEX": 507, "NLD": 268, "NOR": 30, "NZL": 113, "POL": 662, "PRT": 166, "SGP": 471,
    "SWE": 41, "TUR": 465, "USA": 369, "ZAF": 708,
}  # fmt: skip

# Rated board power in watts, from the makers' data sheets.
ACCELERATORS = {
    "H200": 700, "H100": 700, "A100": 400, "A10": 150, "L40": 300, "L4": 72, "T4": 70, "V100": 300, "P100": 250,
    "RTX 4090": 450, "RTX 3090": 350, "RTX 3080": 320,
}  # fmt: skip
UNKNOWN_ACCELERATOR_W = 300.0
LOAD = Range(0.4, 0.75, 1.0)
"""Share of its rated power an accelerator draws while a net trains or samples: small nets do not fill it."""


@dataclass(frozen=True)
class Factor:
    """A number and why it is believed."""

    value: Range
    unit: str
    source: str
    method: str  #: measured, estimated or constant


def grid(params: Params) -> Factor:
    """Grams per kWh of the set region.

    Raises
    ------
    ParameterError
        The region is not in the table and no number was given.
    """
    if params.g_per_kwh is not None:
        best, source = params.g_per_kwh, params.g_per_kwh_source or "set in [footprint] g_per_kwh, no source given"
    elif params.region.upper() == WORLD[0]:
        best, source = WORLD[1], f"{WORLD[3]}, {WORLD[2]}"
    elif params.region.upper() in GRID_2023:
        best, source = float(GRID_2023[params.region.upper()]), f"{OWID}, 2023, location based"
    else:
        raise ParameterError(
            f"[footprint] region = {params.region!r} is not in the table"
            f"{nearest(params.region.upper(), [*GRID_2023, WORLD[0]])}; or give g_per_kwh and g_per_kwh_source"
        )
    spread = params.grid_spread
    return Factor(Range(best * (1 - spread), best, best * (1 + spread)), "g CO2e/kWh", source, "constant")


def building(params: Params) -> Factor:
    return Factor(
        Range(*params.pue),
        "kWh/kWh",
        "1.0 at home; large clouds 1.1-1.2; mean of data centres 1.58 (Uptime 2023)",
        "constant",
    )


def core(params: Params) -> Factor:
    return Factor(
        Range(*params.core_watts),
        "W per busy core",
        "low: 280 W server processor over 64 cores, and codecarbon's default; high: a desktop computer's draw shared "
        "by few busy cores",
        "estimated",
    )


def accelerator(name: str, params: Params) -> Factor:
    """Watts of an accelerator while it is held; ``name`` is what was recorded (or set)."""
    wanted = (params.accelerator or name).upper().replace("_", " ")
    if params.accelerator_watts is not None:
        return Factor(LOAD.times(params.accelerator_watts), "W", "set in [footprint] accelerator_watts", "estimated")
    for known, watts in sorted(ACCELERATORS.items(), key=lambda item: -len(item[0])):
        if known in wanted:
            return Factor(LOAD.times(float(watts)), "W", f"{known}: rated {watts} W, 40 to 100 % of it", "estimated")
    return Factor(
        LOAD.times(UNKNOWN_ACCELERATOR_W), "W", f"unknown accelerator, {UNKNOWN_ACCELERATOR_W:g} W assumed", "estimated"
    )
