"""``neuralbum footprint``: energy and carbon of all the work so far."""

from __future__ import annotations

from ..footprint import Report, run
from ..footprint.factors import Range
from .console import hours, print_table
from .options import ProjectOptions, with_options


@with_options(asked=ProjectOptions)
def command(asked: ProjectOptions) -> None:
    """Report energy and carbon of all the work so far, with how sure that is.

    Failed and discarded work counts.

    Example: neuralbum footprint --set footprint.region=DEU
    """
    project = asked.open()
    report = run(project)
    asked.say(project, report, lambda: _print(report))


def _print(report: Report) -> None:
    rows = [
        (
            line.stage,
            line.n_done,
            line.n_failed or "",
            hours(line.cpu_s),
            hours(line.device_s) if line.device_s else "",
            show_energy(line.kwh.best),
            show_range(line.kg),
        )
        for line in (*report.stages.values(), report.total)
    ]
    print_table(("stage", "done", "failed", "cpu", "accelerator", "energy", "CO2e: best (low to high)"), rows)
    print(f"\n{hours(report.made_s)} of takes made, {hours(report.released_s)} of songs kept and titled", end="")
    print(f": {show_range(report.kg_per_released_hour)} per hour of songs" if report.kg_per_released_hour else "")
    for factor in report.factors:
        value = factor["value"]
        print(
            f"{factor['what']}: {value.best:g} ({value.low:g} to {value.high:g}) {factor['unit']}; {factor['source']}"
        )
    print("not counted: " + "; ".join(report.not_counted))
    print(f"to offset {report.target:g} times the best estimate: {show_mass(report.to_offset_kg)}")


def show_mass(kilograms: float) -> str:
    """For people: 5.8 g, 12.3 kg, 25.1 t."""
    return _scaled(kilograms, ("g", "kg", "t"))


def show_energy(energy_kwh: float) -> str:
    """For people: 12 Wh, 3.4 kWh, 1.2 MWh."""
    return _scaled(energy_kwh, ("Wh", "kWh", "MWh"))


def _scaled(thousands: float, units: tuple[str, str, str]) -> str:
    """A count of the middle unit in the one that suits its size; each is a thousand of the one before."""
    size = abs(thousands)
    power = 0 if size < 1 else 1 if size < 1000 else 2
    return f"{thousands * 1000.0 ** (1 - power):.3g} {units[power]}"


def show_range(kg: Range) -> str:
    return f"{show_mass(kg.best)} ({show_mass(kg.low)} to {show_mass(kg.high)})"
