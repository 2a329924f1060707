"""Numbers with units, and ranges of them. Pure.

Energy is in kWh and mass in kg of CO2 equivalents everywhere inside; the two
mistakes that ledgers are known for, g for kg and Wh for kWh, can only be made
here, where tests look.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ParameterError

KILOGRAMS = {"mg": 1e-6, "g": 1e-3, "kg": 1.0, "t": 1000.0, "tonne": 1000.0, "tonnes": 1000.0, "kt": 1e6}
MOST_KG = 4e13
JOULES_PER_KWH = 3.6e6  # 1000 [W/kW] * 3600 [s/h]


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


def kwh(watts: float, seconds: float) -> float:
    """Energy: [W] * [s] / [J/kWh] = [kWh]."""
    return watts * seconds / JOULES_PER_KWH


def kg_of(energy_kwh: float, g_per_kwh: float) -> float:
    """Carbon: [kWh] * [g/kWh] / [g/kg] = [kg]."""
    return energy_kwh * g_per_kwh / 1000.0


def parse_mass(text: str) -> float:
    """Kilograms from "500 kg", "0.5 t", "120g"; a number without its unit is refused.

    Raises
    ------
    ParameterError
        No unit, an unknown one, or not a positive number.
    """
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z]*)\s*", text)
    if not found or found[2] not in KILOGRAMS:
        raise ParameterError(
            f"amount {text!r}: write a number and its unit, one of {', '.join(KILOGRAMS)}; e.g. '0.5 t'"
        )
    kilograms = float(found[1]) * KILOGRAMS[found[2]]
    if not 0 < kilograms < MOST_KG:
        raise ParameterError(f"amount {text!r}: must be above 0, and less than the world emits in a year")
    return kilograms


def show_mass(kilograms: float) -> str:
    """For people: 5.8 g, 12.3 kg, 25.1 t."""
    if kilograms == 0:
        return "0 g"
    if abs(kilograms) < 1:
        return f"{kilograms * 1000:.3g} g"
    return f"{kilograms:.3g} kg" if abs(kilograms) < 1000 else f"{kilograms / 1000:.3g} t"


def show_energy(energy_kwh: float) -> str:
    """For people: 12 Wh, 3.4 kWh, 1.2 MWh."""
    if energy_kwh == 0:
        return "0 Wh"
    if abs(energy_kwh) < 1:
        return f"{energy_kwh * 1000:.3g} Wh"
    return f"{energy_kwh:.3g} kWh" if abs(energy_kwh) < 1000 else f"{energy_kwh / 1000:.3g} MWh"
