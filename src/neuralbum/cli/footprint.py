"""``neuralbum footprint``: energy and carbon of all the work so far."""

from __future__ import annotations

from ..footprint import Report, run
from ..footprint.factors import Range
from ..project.overview import next_step
from .console import hours, print_json, print_next, print_table
from .options import JsonOption, ProjectOption, SetOption, open_project


def command(project: ProjectOption = None, set_: SetOption = None, json: JsonOption = False) -> None:
    """Report energy and carbon of all the work so far, with how sure that is.

    Failed and discarded work counts.

    Example: neuralbum footprint --set footprint.region=DEU
    """
    opened = open_project(project, set_)
    report = run(opened)
    if json:
        print_json(report)
    else:
        _print(report)
        print_next(next_step(opened))


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


def show_range(kg: Range) -> str:
    return f"{show_mass(kg.best)} ({show_mass(kg.low)} to {show_mass(kg.high)})"
