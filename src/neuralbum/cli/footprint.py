"""``neuralbum footprint``: energy and carbon; offsets, mints, and the field of a model card."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ParameterError
from ..footprint import Report, bring_in, card, run
from ..footprint import offsets as ledger_of_offsets
from ..footprint.mint import GAS_PER_MINT, mint
from ..footprint.quantity import Range, parse_mass, show_energy, show_mass
from ..project.overview import next_step
from .console import hours, print_json, print_next, print_table
from .options import JsonOption, ProjectOption, SetOption, open_project

app = typer.Typer(no_args_is_help=False, add_completion=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def report(
    context: typer.Context, project: ProjectOption = None, set_: SetOption = None, json: JsonOption = False
) -> None:
    """Report energy and carbon of all the work so far, with how sure that is.

    Failed and discarded work counts. Offsets are listed, never subtracted.

    Example: neuralbum footprint --set footprint.region=DEU
    """
    if context.invoked_subcommand is not None:
        return
    opened = open_project(project, set_)
    told = run(opened)
    if json:
        print_json(told)
    else:
        _print(told)
        print_next(next_step(opened))


@app.command("offset")
def offset_command(
    amount: Annotated[str, typer.Argument(help="How much was retired, with its unit: '500 kg', '0.5 t'.")],
    registry: Annotated[str, typer.Option(help="Who keeps the certificate.")],
    serial: Annotated[str, typer.Option(help="Its serial number there.")],
    retired: Annotated[str, typer.Option(help="The day it was retired: 2026-11-22.")],
    note: Annotated[str, typer.Option(help="Anything else.")] = "",
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Write down an offset that was bought and retired.

    Example: neuralbum footprint offset "0.5 t" --registry "Gold Standard" --serial GS1-23 --retired 2026-11-20
    """
    entered = ledger_of_offsets.enter(
        open_project(project), parse_mass(amount), registry=registry, serial=serial, retired=retired, note=note,
        now=time.time(),
    )  # fmt: skip
    if json:
        print_json(entered)
    else:
        print(f"entered {entered.id}: {show_mass(entered.kg)}, {entered.registry} {entered.serial}")


@app.command("offsets")
def offsets_command(
    void: Annotated[str | None, typer.Option(help="Take this offset back (its id).")] = None,
    why: Annotated[str, typer.Option(help="Why it is taken back.")] = "",
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """List the offsets that stand, or take one back.

    Example: neuralbum footprint offsets --void 3fa2b1c0 --why "entered twice"
    """
    opened = open_project(project)
    if void:
        ledger_of_offsets.void(opened, void, why=why, now=time.time())
    standing = ledger_of_offsets.read(opened)
    if json:
        print_json(standing)
    else:
        rows = ((o.id, show_mass(o.kg), o.registry, o.serial, o.retired, o.note) for o in standing)
        print_table(("id", "amount", "registry", "serial", "retired", "note"), rows)


@app.command("mint")
def mint_command(
    tokens: Annotated[int, typer.Argument(min=1, help="How many tokens.")],
    on: Annotated[str, typer.Option("--on", help="The day, which decides the network's factor.")] = "",
    gas: Annotated[int, typer.Option(min=1, help="Gas of one mint.")] = GAS_PER_MINT,
    json: JsonOption = False,
) -> None:
    """Estimate what minting tokens on Ethereum costs, by gas share; before and after the Merge.

    Example: neuralbum footprint mint 1000 --on 2021-10-07
    """
    try:
        day = datetime.date.fromisoformat(on) if on else datetime.datetime.now(datetime.UTC).date()
    except ValueError as cause:
        raise ParameterError(f"--on {on!r}: write the date as 2021-10-07") from cause
    estimate = mint(tokens, day, gas)
    if json:
        print_json(estimate)
    else:
        print(f"{tokens} tokens, {estimate.gas:,} gas on {estimate.day}: {_range(estimate.kg)}")
        print(f"{estimate.rule}; {estimate.source}")


@app.command("card")
def card_command(
    model: Annotated[str | None, typer.Option(help="Only this model's training (its id).")] = None,
    project: ProjectOption = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Print the co2_eq_emissions field of a model card; emissions are in grams.

    Example: neuralbum footprint card --model skeleton-3fa2
    """
    field = card(open_project(project, set_), model_id=model)
    if json:
        print_json({"co2_eq_emissions": field})
        return
    print("co2_eq_emissions:")
    for name, value in field.items():
        print(f"  {name}: {value}")


@app.command("import")
def import_command(
    path: Annotated[Path, typer.Argument(help="An emissions.csv written by codecarbon.")],
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Enter work that was measured elsewhere with codecarbon.

    Example: neuralbum footprint import emissions.csv
    """
    entered = bring_in(open_project(project), path)
    if json:
        print_json({"entered": entered})
    else:
        print(f"{entered} runs entered")


def _print(told: Report) -> None:
    rows = [
        (
            line.stage,
            line.n_done,
            line.n_failed or "",
            hours(line.cpu_s),
            hours(line.device_s) if line.device_s else "",
            show_energy(line.kwh.best),
            _range(line.kg),
        )
        for line in (*told.stages.values(), told.total)
    ]
    print_table(("stage", "done", "failed", "cpu", "accelerator", "energy", "CO2e: best (low to high)"), rows)
    print(f"\n{hours(told.made_s)} of takes made, {hours(told.released_s)} of songs kept and titled", end="")
    print(f": {_range(told.kg_per_released_hour)} per hour of songs" if told.kg_per_released_hour else "")
    for factor in told.factors:
        value = factor["value"]
        print(
            f"{factor['what']}: {value.best:g} ({value.low:g} to {value.high:g}) {factor['unit']}; {factor['source']}"
        )
    print("not counted: " + "; ".join(told.not_counted))
    print(f"offsets retired: {show_mass(told.retired_kg)}; {told.target:g} times the best estimate asks for "
          f"{show_mass(told.target * told.total.kg.best)}; still owed: {show_mass(told.owed_kg)}")  # fmt: skip


def _range(kg: Range) -> str:
    return f"{show_mass(kg.best)} ({show_mass(kg.low)} to {show_mass(kg.high)})"
