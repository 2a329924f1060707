"""The report: reads the ledger, the album and the offsets; the only file here that knows the project."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import AudioError
from ..progress import SILENT, Reporter
from ..project import Project
from ..records import Activity, Finding, canonical, digest
from . import ledger, offsets
from .params import Params
from .quantity import Range

STAGE, VERSION = "footprint", 1
NOT_COUNTED = (
    "making and scrapping the machines (embodied carbon)",
    "other programs that stages start, listening, screens, networks and hosting",
    "work done elsewhere and not entered (`neuralbum footprint import`)",
)


@dataclass(frozen=True)
class Report:
    """What the album cost so far."""

    stages: Mapping[str, ledger.Line]
    total: ledger.Line
    made_s: float  #: seconds of takes made
    released_s: float  #: seconds of songs
    kg_per_released_hour: Range | None
    factors: tuple[Mapping[str, Any], ...]
    offsets: tuple[offsets.Offset, ...]
    retired_kg: float
    target: float
    owed_kg: float
    not_counted: tuple[str, ...] = NOT_COUNTED


def run(
    project: Project,
    params: Params | None = None,
    *,
    takes: object = None,
    force: bool = False,
    retry: bool = False,
    reporter: Reporter = SILENT,
    shard: tuple[int, int] = (1, 1),
) -> Report:
    """Report energy and carbon of everything in the ledger, and remember the result as a finding."""
    params = params or project.params("footprint", Params)
    catalogue = project.catalogue
    activities = catalogue.activities()
    stages = ledger.by_stage(activities, params)
    whole = ledger.total(stages)
    made = {take.id: take.duration_s for take in catalogue.takes()}
    released_s = sum(made.get(song.take_id, 0.0) for song in catalogue.songs())
    bought = offsets.read(project)
    retired = offsets.retired_kg(bought)
    report = Report(
        stages=stages,
        total=whole,
        made_s=sum(made.values()),
        released_s=released_s,
        # [kg] / ([s] / [s/h]) = [kg/h]
        kg_per_released_hour=whole.kg.times(3600.0 / released_s) if released_s > 0 else None,
        factors=tuple(ledger.factors_used(activities, params)),
        offsets=tuple(bought),
        retired_kg=retired,
        target=params.target,
        owed_kg=offsets.owed_kg(whole.kg.best, retired, params.target),
    )
    _remember(project, params, activities, report)
    return report


def card(project: Project, params: Params | None = None, *, model_id: str | None = None) -> dict[str, Any]:
    """The ``co2_eq_emissions`` field of a Hugging Face model card: emissions in grams.

    ``model_id`` counts that model's training only; None all training, failed runs and sweeps included.
    """
    params = params or project.params("footprint", Params)
    chosen = [
        a
        for a in project.catalogue.activities()
        if a.stage in ledger.TRAINING and (model_id is None or a.detail.get("model") == model_id)
    ]
    whole = ledger.total(ledger.by_stage(chosen, params))
    hardware = sorted({str(a.detail.get("device_name", a.device)) for a in chosen}) or ["cpu"]
    return {
        "emissions": round(whole.kg.best * 1000.0, 3),  # [kg] * [g/kg] = [g]
        "source": "neuralbum footprint: " + (", ".join(whole.methods) or "nothing in the ledger"),
        "training_type": "from scratch",
        "geographical_location": params.region,
        "hardware_used": ", ".join(hardware),
    }


def bring_in(project: Project, path: Path) -> int:
    """Enter the rows of a codecarbon ``emissions.csv``, measured elsewhere; a run enters once. Returns how many.

    Raises
    ------
    AudioError
        Not such a file.
    """
    import csv
    import datetime

    known = {a.detail.get("run_id") for a in project.catalogue.activities()}
    entered = 0
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = [
                (row["run_id"], row["timestamp"], float(row["duration"]), float(row["energy_consumed"]))
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, ValueError, TypeError) as cause:
        raise AudioError(f"{path}: not an emissions.csv of codecarbon ({cause})") from cause
    for run_id, stamp, seconds, energy_kwh in rows:
        if run_id in known:
            continue
        known.add(run_id)
        try:
            ended = datetime.datetime.fromisoformat(stamp).timestamp()
        except ValueError:
            ended = time.time()
        detail = {"run_id": run_id, "energy_kwh": energy_kwh, "tool": "codecarbon"}
        project.catalogue.add_activity(Activity("elsewhere", ended - seconds, seconds, 0.0, detail=detail, n_done=1))
        entered += 1
    return entered


def _remember(project: Project, params: Params, activities: list[Activity], report: Report) -> None:
    last = activities[-1].id if activities else 0
    inputs = {"last_activity": last, "released_s": report.released_s, "retired_kg": report.retired_kg}
    values = {
        "kwh": report.total.kwh,
        "kg": report.total.kg,
        "kg_per_released_hour": report.kg_per_released_hour,
        "made_s": report.made_s,
        "released_s": report.released_s,
        "retired_kg": report.retired_kg,
        "owed_kg": report.owed_kg,
        "factors": report.factors,
    }
    project.catalogue.record(
        Finding(
            key=digest(STAGE, VERSION, params, inputs),
            stage=STAGE,
            version=VERSION,
            subject="album",
            params=dict(canonical(params)),  # type: ignore[call-overload]
            inputs=inputs,
            values=dict(canonical(values)),  # type: ignore[call-overload]
            created_at=time.time(),
        )
    )
