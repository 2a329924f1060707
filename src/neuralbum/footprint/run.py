"""The report: reads the activities and the songs; the only file here that knows the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..progress import SILENT, Reporter
from ..project import Project
from . import ledger
from .factors import Range
from .params import Params

NOT_COUNTED = (
    "making and scrapping the machines (embodied carbon)",
    "other programs that stages start, listening, screens, networks and hosting",
    "work done on other machines outside of this project",
)


@dataclass(frozen=True)
class Report:
    """What the album cost so far."""

    stages: Mapping[str, ledger.Entry]
    total: ledger.Entry
    made_s: float  #: seconds of takes made
    released_s: float  #: seconds of songs
    kg_per_released_hour: Range | None
    factors: tuple[Mapping[str, Any], ...]
    target: float
    to_offset_kg: float  #: ``target`` times the best estimate; offsets are never subtracted
    not_counted: tuple[str, ...] = NOT_COUNTED


def run(project: Project, params: Params | None = None, *, reporter: Reporter = SILENT) -> Report:
    """Report energy and carbon of everything that was done in the project."""
    params = params or project.params("footprint", Params)
    catalogue = project.catalogue
    activities = catalogue.activities()
    stages = ledger.by_stage(activities, params)
    whole = ledger.total(stages)
    made = {take.id: take.duration_s for take in catalogue.takes()}
    released_s = sum(made.get(song.take_id, 0.0) for song in catalogue.songs())
    return Report(
        stages=stages,
        total=whole,
        made_s=sum(made.values()),
        released_s=released_s,
        # [kg] / ([s] / [s/h]) = [kg/h]
        kg_per_released_hour=whole.kg.times(3600.0 / released_s) if released_s > 0 else None,
        factors=tuple(ledger.factors_used(activities, params)),
        target=params.target,
        to_offset_kg=params.target * whole.kg.best,
    )


def training_grams(project: Project, model_id: str, params: Params | None = None) -> float:
    """Grams of CO2e of one model's training, failed runs included; 0 if the project holds no record of it."""
    params = params or project.params("footprint", Params)
    chosen = [
        a for a in project.catalogue.activities() if a.stage in ledger.TRAINING and a.detail.get("model") == model_id
    ]
    return round(ledger.total(ledger.by_stage(chosen, params)).kg.best * 1000.0, 3)  # [kg] * [g/kg] = [g]
