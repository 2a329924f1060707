"""Measure how much a net quotes, over its checkpoints and temperatures, in a project.

Every (checkpoint, temperature) is one item of stage ``memorisation``: it can be
interrupted, resumed and shared among processes like any other stage. The
report draws matched seconds per generated hour against training step, against
held-out bits and against temperature: where quoting begins while the bits still
fall is the sweet spot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..corpus.prepared import PreparedCorpus, open_corpus
from ..errors import CheckpointError, ParameterError
from ..progress import SILENT, Reporter
from ..project import Project, stage
from ..records import Model, digest
from .params import Params
from .run import HELD_OUT, STAGE, TRAINED, _hear_by_name, open_searchers, song_names

if TYPE_CHECKING:
    from ..generate import GenerateParams
    from .spectra import Float

MODEL_STAGE, VERSION = "memorisation", 2


def measure_model(
    project: Project,
    model_id: str,
    *,
    steps: Sequence[int] | None = None,
    temperatures: Sequence[float] = (0.98, 1.0, 1.02),
    seconds: float = 600.0,
    take_s: float = 30.0,
    seed: int | None = None,
    params: Params | None = None,
    force: bool = False,
    retry: bool = False,
    reporter: Reporter = SILENT,
    shard: tuple[int, int] = (1, 1),
) -> stage.Outcome:
    """Sample every checkpoint at every temperature and search all arms.

    Parameters
    ----------
    steps : checkpoints of the model; default: all that were kept
    seconds : generated for each checkpoint and temperature, as takes of ``take_s``

    Raises
    ------
    CheckpointError
        No such model, or no checkpoint of it.
    """
    params = params or project.params("originality", Params)
    corpus = open_corpus(project)
    model = find(project, model_id)
    chosen = list(steps) if steps else checkpoints(project, model)
    from ..generate import recipes

    if not seconds >= take_s > 0:
        raise ParameterError(f"seconds={seconds:g} must be at least take_s={take_s:g}, and that more than 0")
    seed = project.settings.seed if seed is None else seed
    items = [
        stage.Item(
            f"{model.id}@{step}@{temperature:g}",
            {"takes": digest(*(r.take_id for r in recipes(project, wanted, seed=seed))), "corpus": corpus.digest},
            (step, temperature, wanted),
        )
        for step in chosen
        for temperature in temperatures
        for wanted in [asked(project, model, step, temperature, seconds, take_s)]
    ]
    ready: dict[str, Any] = {}

    def measure(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        from .listening import hear_prepared
        from .memorisation import four_arms

        if not ready:
            ready.update(open_searchers(project, corpus, reporter=reporter))
            names = song_names(corpus)
            ready["heard"] = {names[s.track.id]: hear_prepared(corpus, s) for s in corpus.split("train")}
            ready["unheard"] = [hear_prepared(corpus, s) for s in corpus.split("heldout")]
        step, temperature, wanted = item.payload
        generated = list(sampled(project, wanted, seed))
        arms = four_arms(
            generated,
            ready[TRAINED],
            ready[HELD_OUT],
            ready["heard"],
            ready["unheard"],
            seed=seed,
            lanes=params.lanes,
            max_p=params.max_p,
            rate=params.false_discovery_rate,
        )
        bits = dict(project.catalogue.curve(model.id, "heldout_bits").get("heldout_bits", []))
        about = {"model": model.id, "step": step, "temperature": temperature, "heldout_bits": bits.get(step)}
        return stage.Measured({**about, **arms, "null": ready[TRAINED].index.nulls})

    outcome = stage.run_items(
        project, MODEL_STAGE, VERSION, params, items, measure,
        force=force, retry=retry, reporter=reporter, label="memorisation", shard=shard,
    )  # fmt: skip
    return outcome


def find(project: Project, word: str) -> Model:
    """The model of that id, or the only one whose id begins so."""
    models = project.catalogue.models()
    matches = [m for m in models if m.id == word] or [m for m in models if m.id.startswith(word)]
    if len(matches) != 1:
        known = ", ".join(m.id for m in models) or "none yet; train one with `neuralbum train`"
        raise CheckpointError(f"model {word!r}: {len(matches)} of that name; there are: {known}")
    return matches[0]


def checkpoints(project: Project, model: Model) -> list[int]:
    """Steps of the checkpoints that were kept, in order."""
    folder = project.models_dir / model.id / "steps"
    steps = sorted(int(path.stem) for path in folder.glob("*.safetensors") if path.stem.isdigit())
    if not steps:
        raise CheckpointError(f"{model.id}: no checkpoints in {folder}; train with `neuralbum train`")
    return steps


def asked(
    project: Project, model: Model, step: int, temperature: float, seconds: float, take_s: float
) -> GenerateParams:
    """The project's own settings of ``generate``, for so much of this checkpoint at this temperature."""
    from ..generate import GenerateParams

    if step not in (known := checkpoints(project, model)):
        raise CheckpointError(f"{model.id}: no checkpoint at step {step}; there are: {', '.join(map(str, known))}")
    return project.params(
        "generate", GenerateParams, model=f"{model.id}@{step}", temperature=[temperature], drift=0.0,
        hours=seconds / 3600.0, length_s=take_s,
    )  # fmt: skip


def sampled(project: Project, params: GenerateParams, seed: int) -> Iterator[Float]:
    """Takes as ``generate`` makes them, as mono at SAMPLE_RATE; nothing is stored."""
    from ..generate import sample
    from .spectra import mono_16k

    for recipe, pieces in sample(project, params, seed=seed):
        yield mono_16k((piece, recipe.sample_rate) for piece in pieces)


def write_model_report(project: Project, model_id: str) -> tuple[Path, list[dict[str, Any]]]:
    """Draw the curves of a model's findings; returns the page and the rows it shows."""
    from .report import write_report

    model = find(project, model_id)
    corpus: PreparedCorpus = open_corpus(project)
    findings = [f for f in project.catalogue.latest(MODEL_STAGE).values() if f.values["model"] == model.id]
    findings.sort(key=lambda f: (f.values["step"], f.values["temperature"]))
    rows = [row(f.values) for f in findings]
    by_temperature: dict[str, list[tuple[float, float]]] = {}
    by_bits: dict[str, list[tuple[float, float]]] = {}
    by_step: dict[str, list[tuple[float, float]]] = {}
    for one in rows:
        matched = one["matched_s_per_hour"]
        by_temperature.setdefault(f"T {one['temperature']:g}", []).append((one["step"], matched))
        by_step.setdefault(f"step {one['step']}", []).append((one["temperature"], matched))
        if one["heldout_bits"] is not None:
            by_bits.setdefault(f"T {one['temperature']:g}", []).append((one["heldout_bits"], matched))
    curves = [
        {"title": "against training", "x_label": "step", "y_label": "s/h", "series": by_temperature},
        {"title": "against temperature", "x_label": "temperature", "y_label": "s/h", "series": by_step},
    ]
    if by_bits:
        what = {"title": "against held-out bits", "x_label": "bits per sample", "y_label": "s/h", "series": by_bits}
        curves.append(what)
    facts = {
        "model": model.id,
        "measured": f"{len(rows)} checkpoints x temperatures",
        **{
            f"step {r['step']}, T {r['temperature']:g}": f"{r['matched_s_per_hour']:.2f} s/h matched "
            f"(held-out {r['heldout_s_per_hour']:.2f}, reversed {r['reversed_s_per_hour']:.2f}, "
            f"band itself {r['self_s_per_hour']:.2f}); excess {r['excess']:.2f} [{r['excess_low']:.2f}, "
            f"{r['excess_high']:.2f}]; finds {r['sensitivity']:.0%} of hidden snippets"
            for r in rows
            if r["sensitivity"] is not None
        },
    }
    page = write_report(
        project.artefacts_dir / STAGE / f"model-{model.id}",
        [],
        heading=f"How much does {model.id} quote?",
        facts=facts,
        null=findings[0].values["null"] if findings else {},
        hear_query=lambda name: np.zeros(0, np.float32),
        hear_reference=_hear_by_name(corpus),
        curves=curves,
    )
    return page, rows


def row(values: Any) -> dict[str, Any]:
    """One line of the table from one finding's values."""
    excess = values["excess_s_per_hour"]
    return {
        "step": values["step"],
        "temperature": values["temperature"],
        "heldout_bits": values["heldout_bits"],
        "matched_s_per_hour": values["matched_s_per_hour"],
        "heldout_s_per_hour": (values["heldout"] or {"matched_s_per_hour": 0.0})["matched_s_per_hour"],
        "reversed_s_per_hour": values["reversed"]["matched_s_per_hour"],
        "self_s_per_hour": values["self"]["matched_s_per_hour"],
        "longest_s": values["generated"]["longest_s"],
        "sources": values["generated"]["sources"],
        "excess": excess["value"],
        "excess_low": excess["low"],
        "excess_high": excess["high"],
        "sensitivity": values["spiked"]["sensitivity"],
    }
