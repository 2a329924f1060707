"""From what ran to what it drew: activities -> energy -> carbon. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..records import Activity
from .factors import Range, accelerator, building, core, grid
from .params import Params

NOTHING = Range()
JOULES_PER_KWH = 3.6e6  # 1000 [W/kW] * 3600 [s/h]
TRAINING = ("skeleton", "flesh", "sweep")
"""Stages whose work is training."""


@dataclass(frozen=True)
class Entry:
    """One activity, or the sum of several."""

    stage: str
    n_activities: int = 0
    n_done: int = 0
    n_failed: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    device_s: float = 0.0
    kwh: Range = NOTHING  #: at the socket of the machine, without the building
    kg: Range = NOTHING  #: with the building (PUE) and the grid
    methods: tuple[str, ...] = ()

    def __add__(self, other: Entry) -> Entry:
        return Entry(
            self.stage,
            self.n_activities + other.n_activities,
            self.n_done + other.n_done,
            self.n_failed + other.n_failed,
            self.wall_s + other.wall_s,
            self.cpu_s + other.cpu_s,
            self.device_s + other.device_s,
            self.kwh + other.kwh,
            self.kg + other.kg,
            tuple(sorted({*self.methods, *other.methods})),
        )


def kwh(watts: float, seconds: float) -> float:
    """Energy: [W] * [s] / [J/kWh] = [kWh]."""
    return watts * seconds / JOULES_PER_KWH


def kg_of(energy_kwh: float, g_per_kwh: float) -> float:
    """Carbon: [kWh] * [g/kWh] / [g/kg] = [kg]."""
    return energy_kwh * g_per_kwh / 1000.0


def energy(activity: Activity, params: Params) -> tuple[Range, str]:
    """kWh of one activity at the machine, and by which method.

    A measured value (``detail["energy_kwh"]`` or ``detail["energy_wh"]``) is taken as
    it is; otherwise core seconds and accelerator seconds are multiplied by watts.
    """
    detail = activity.detail
    for name, per_kwh in (("energy_kwh", 1.0), ("energy_wh", 1000.0)):
        if isinstance(detail.get(name), int | float):
            measured = float(detail[name]) / per_kwh
            return Range(measured, measured, measured), f"measured ({detail.get('tool', 'unknown tool')})"
    total = Range(*(kwh(w, activity.cpu_s) for w in params.core_watts))
    method = "estimated from processor time"
    if activity.device_s > 0:
        watts = accelerator(str(detail.get("device_name", activity.device)), params).value
        total += Range(*(kwh(w, activity.device_s) for w in (watts.low, watts.best, watts.high)))
        method = "estimated from processor and accelerator time"
    if params.idle_watts:
        total += Range(*[kwh(params.idle_watts, activity.wall_s)] * 3)
    return total, method


def entry_of(activity: Activity, params: Params) -> Entry:
    """One activity with its energy and carbon."""
    drawn, method = energy(activity, params)
    supplied = drawn.times(building(params).value)
    g = grid(params).value
    kg = Range(kg_of(supplied.low, g.low), kg_of(supplied.best, g.best), kg_of(supplied.high, g.high))
    return Entry(
        activity.stage,
        1,
        activity.n_done,
        activity.n_failed,
        activity.wall_s,
        activity.cpu_s,
        activity.device_s,
        drawn,
        kg,
        (method,),
    )


def by_stage(activities: Iterable[Activity], params: Params) -> dict[str, Entry]:
    """One line per stage, in the order they first ran."""
    lines: dict[str, Entry] = {}
    for activity in activities:
        one = entry_of(activity, params)
        lines[activity.stage] = lines[activity.stage] + one if activity.stage in lines else one
    return lines


def total(lines: Mapping[str, Entry]) -> Entry:
    whole = Entry("total")
    for one in lines.values():
        whole += one
    return whole


def factors_used(activities: Iterable[Activity], params: Params) -> list[dict[str, object]]:
    """Every factor behind the numbers, for whoever wants to argue."""
    named = [("electricity", grid(params)), ("building (PUE)", building(params)), ("processor core", core(params))]
    devices = {str(a.detail.get("device_name", a.device)) for a in activities if a.device_s > 0}
    named += [(f"accelerator {name}", accelerator(name, params)) for name in sorted(devices)]
    return [
        {"what": what, "value": factor.value, "unit": factor.unit, "method": factor.method, "source": factor.source}
        for what, factor in named
    ]
