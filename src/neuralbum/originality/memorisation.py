"""How much does a net memorise? Every (checkpoint, temperature) of a model, as an item of stage ``memorisation``.

Conditions of equal measure, and planted copies that test the test:

* *generated* takes against the songs the net was trained on: what may be copied;
* *held-out*: the same takes against songs it was not trained on: what chance and style give;
* *self*: held-out songs against the songs it was trained on: how much the band repeats itself;
* *reversed*: the takes backwards against the songs it was trained on: no copy at all, so what is
  found here is the error of the method;
* *planted*: known snippets of 1 to 5 s in the takes: what share of them is found.

The report draws copied seconds per generated hour against training step, held-out bits and
temperature, for one setting of the experiment (``Experiment.settings``) at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..corpus.prepared import PreparedCorpus, open_corpus
from ..errors import CheckpointError, ParameterError
from ..progress import SILENT, Reporter
from ..project import Project, stage
from ..records import Finding, Model, digest
from .copies import covered_s, cut_snippets, plant
from .fingerprints import SAMPLE_RATE, Float, mono_16k
from .null_distribution import benjamini_hochberg
from .params import Params
from .run import HELD_OUT, STAGE, TRAINED, open_searchers, prepared_mono, song_names
from .search import Searcher

if TYPE_CHECKING:
    from ..generate import GenerateParams

MODEL_STAGE, VERSION = "memorisation", 2
TEMPERATURES = (0.98, 1.0, 1.02)
BOOTSTRAPS = 1000
N_PLANTED = 20


@dataclass(frozen=True)
class Experiment:
    """What is sampled of which model, and how it is searched."""

    project: Project
    corpus: PreparedCorpus
    model: Model
    steps: tuple[int, ...]
    temperatures: tuple[float, ...]
    seconds: float  #: generated for each checkpoint and temperature …
    take_s: float  #: … as takes of this length
    seed: int
    params: Params

    @cached_property
    def settings(self) -> str:
        """Equal for findings that may stand in one report, whatever their step and temperature."""
        from ..generate import recipes

        asked = self.asked(self.steps[0], 1.0)
        made = {name: value for name, value in asdict(asked).items() if name not in ("model", "temperature")}
        first = recipes(self.project, asked, seed=self.seed)[0]  # says which flesh and which engine there are
        engine = {"flesh": dict(first.flesh), "engine": first.engine}
        return digest(self.params, self.seconds, self.take_s, self.seed, self.corpus.digest, made, engine)

    def asked(self, step: int, temperature: float) -> GenerateParams:
        """The project's own settings of ``generate``, for so much of this checkpoint at this temperature."""
        from ..generate import GenerateParams

        return self.project.params(
            "generate", GenerateParams, model=f"{self.model.id}@{step}", temperature=[temperature], drift=0.0,
            hours=self.seconds / 3600.0, length_s=self.take_s,
        )  # fmt: skip

    def items(self) -> list[stage.Item]:
        from ..generate import recipes

        found = []
        for step in self.steps:
            for temperature in self.temperatures:
                asked = self.asked(step, temperature)
                takes = digest(*(recipe.take_id for recipe in recipes(self.project, asked, seed=self.seed)))
                inputs = {"takes": takes, "corpus": self.corpus.digest}
                subject = f"{self.model.id}@{step}@{temperature:g}"
                found.append(stage.Item(subject, inputs, (step, temperature, asked)))
        return found


def experiment(
    project: Project,
    model_id: str,
    *,
    steps: Sequence[int] | None = None,
    temperatures: Sequence[float] = TEMPERATURES,
    seconds: float = 600.0,
    take_s: float = 30.0,
    seed: int | None = None,
    params: Params | None = None,
) -> Experiment:
    """Make up what is not said: all checkpoints that were kept, the project's seed and settings.

    Raises
    ------
    CheckpointError
        No such model, or no such checkpoint of it.
    ParameterError
        ``seconds`` is less than one take.
    """
    if not seconds >= take_s > 0:
        raise ParameterError(f"seconds={seconds:g} must be at least take_s={take_s:g}, and that more than 0")
    model = find_model(project, model_id)
    known = checkpoints(project, model)
    for step in steps or ():
        if step not in known:
            there = ", ".join(map(str, known))
            raise CheckpointError(f"{model.id}: no checkpoint at step {step}; there are: {there}")
    return Experiment(
        project=project,
        corpus=open_corpus(project),
        model=model,
        steps=tuple(steps or known),
        temperatures=tuple(temperatures),
        seconds=seconds,
        take_s=take_s,
        seed=project.settings.seed if seed is None else seed,
        params=params or project.params("originality", Params),
    )


def measure_model(
    project: Project,
    model_id: str,
    *,
    force: bool = False,
    retry: bool = False,
    reporter: Reporter = SILENT,
    shard: tuple[int, int] = (1, 1),
    **asked: Any,
) -> stage.Outcome:
    """Sample every checkpoint at every temperature and search all conditions; ``asked`` is as for ``experiment``."""
    planned = experiment(project, model_id, **asked)
    corpus, params = planned.corpus, planned.params
    ready: dict[str, Any] = {}

    def measure(item: stage.Item, scratch: stage.Scratch) -> stage.Measured:
        if not ready:
            ready.update(open_searchers(project, corpus, reporter=reporter))
            names = song_names(corpus)
            ready["trained"] = {names[s.track.id]: prepared_mono(corpus, s) for s in corpus.split("train")}
            ready["unheard"] = [prepared_mono(corpus, s) for s in corpus.split("heldout")]
        step, temperature, wanted = item.payload
        found = measure_conditions(
            list(sampled(project, wanted, planned.seed)),
            ready[TRAINED], ready[HELD_OUT], ready["trained"], ready["unheard"],
            seed=planned.seed, params=params,
        )  # fmt: skip
        bits = dict(project.catalogue.curve(planned.model.id, "heldout_bits").get("heldout_bits", []))
        about = {"model": planned.model.id, "step": step, "temperature": temperature, "heldout_bits": bits.get(step)}
        null = ready[TRAINED].index.nulls
        return stage.Measured({**about, **found, "null": null, "settings": planned.settings})

    return stage.run_items(
        project, MODEL_STAGE, VERSION, params, planned.items(), measure,
        force=force, retry=retry, reporter=reporter, label="memorisation", shard=shard,
    )  # fmt: skip


def find_model(project: Project, word: str) -> Model:
    """The model of that id, or the only one whose id begins so."""
    models = project.catalogue.models()
    matches = [m for m in models if m.id == word] or [m for m in models if m.id.startswith(word)]
    if len(matches) != 1:
        if not models:
            raise CheckpointError(f"{project.root}: no model yet; train one with `neuralbum train`")
        known = ", ".join(m.id for m in models)
        raise ParameterError(f"model {word!r}: {len(matches)} of that name; there are: {known}")
    return matches[0]


def checkpoints(project: Project, model: Model) -> list[int]:
    """Steps of the checkpoints that were kept, in order."""
    folder = project.models_dir / model.id / "steps"
    steps = sorted(int(path.stem) for path in folder.glob("*.safetensors") if path.stem.isdigit())
    if not steps:
        raise CheckpointError(f"{model.id}: no checkpoints in {folder}; train with `neuralbum train`")
    return steps


def sampled(project: Project, params: GenerateParams, seed: int) -> Iterator[Float]:
    """Takes as ``generate`` makes them, as mono at SAMPLE_RATE; nothing is stored."""
    from ..generate import sample

    for recipe, pieces in sample(project, params, seed=seed):
        yield mono_16k((piece, recipe.sample_rate) for piece in pieces)


# ---- conditions ------------------------------------------------------------------


@dataclass(frozen=True)
class Condition:
    """What was found in one condition."""

    sounds: int
    seconds: float
    hits: int  #: sounds called copies at the false discovery rate
    matched_s: float
    matched_s_per_hour: float
    longest_s: float
    share_covered: float  #: of all seconds
    sources: int  #: different tracks matched
    per_sound_s: tuple[float, ...]  #: matched seconds of each sound
    segments: tuple[dict[str, Any], ...]


def measure_conditions(
    generated: Sequence[Float],
    trained: Searcher,
    heldout: Searcher | None,
    trained_songs: dict[str, Float],
    heldout_songs: Sequence[Float],
    *,
    seed: int,
    params: Params,
) -> dict[str, Any]:
    """All conditions of one checkpoint at one temperature, as plain values."""
    rng = np.random.default_rng(seed)
    ours = search_condition(trained, generated, params)
    control = search_condition(heldout, generated, params) if heldout else None
    length = max((sound.size for sound in generated), default=0)
    own = search_condition(trained, _same_measure(heldout_songs, length, len(generated)), params)
    backwards = search_condition(trained, [np.ascontiguousarray(sound[::-1]) for sound in generated], params)
    value, low, high = excess(ours, control or backwards, rng)
    snippets = [one for song in trained_songs.items() for one in cut_snippets(*song, N_PLANTED, rng)]
    planted = plant(trained, generated, snippets, rng, number=N_PLANTED, lanes=params.lanes, max_p=params.max_p)
    return {
        "generated": asdict(ours),
        "heldout": asdict(control) if control else None,
        "self": asdict(own),
        "reversed": asdict(backwards),
        "planted": {**asdict(planted), "sensitivity": planted.sensitivity},
        "excess_s_per_hour": {"value": value, "low": low, "high": high},
        "matched_s_per_hour": ours.matched_s_per_hour,
    }


def search_condition(searcher: Searcher, sounds: Sequence[Float], params: Params) -> Condition:
    """Search sounds; count what lies in sounds called copies at the false discovery rate."""
    found = [searcher.search(s, name=str(n), lanes=params.lanes, max_p=1.0) for n, s in enumerate(sounds)]
    q_values = benjamini_hochberg([min((s.p for s in some), default=1.0) for some in found])
    listed = [
        [segment for segment in some if segment.p <= params.max_p and q <= params.false_discovery_rate]
        for some, q in zip(found, q_values, strict=True)
    ]
    per_sound = tuple(covered_s(some) for some in listed)
    seconds = max(sum(sound.size for sound in sounds) / SAMPLE_RATE, 1e-9)
    every = [segment for some in listed for segment in some]
    return Condition(
        sounds=len(sounds),
        seconds=seconds,
        hits=sum(bool(some) for some in listed),
        matched_s=sum(per_sound),
        matched_s_per_hour=3600 * sum(per_sound) / seconds,
        longest_s=max((segment.duration_s for segment in every), default=0.0),
        share_covered=sum(per_sound) / seconds,
        sources=len({segment.reference for segment in every}),
        per_sound_s=per_sound,
        segments=tuple(asdict(segment) for segment in every),
    )


def excess(generated: Condition, control: Condition, rng: np.random.Generator) -> tuple[float, float, float]:
    """Matched seconds per hour beyond the control: (value, low, high), a 95 % bootstrap over sounds."""
    ours, theirs = np.array(generated.per_sound_s), np.array(control.per_sound_s)
    if not ours.size or not theirs.size:
        return 0.0, 0.0, 0.0
    scale = 3600 / max(generated.seconds / generated.sounds, 1e-9)
    draws = [
        (rng.choice(ours, ours.size).mean() - rng.choice(theirs, theirs.size).mean()) * scale for _ in range(BOOTSTRAPS)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return float((ours.mean() - theirs.mean()) * scale), float(low), float(high)


def _same_measure(sounds: Sequence[Float], length: int, number: int) -> list[Float]:
    """Cuts of ``length`` samples, at most ``number``, spread over the sounds."""
    cuts = [
        sound[start : start + length]
        for sound in sounds
        for start in range(0, max(sound.size - length // 2, 1), max(length, 1))
        if length
    ]
    every = max(len(cuts) // max(number, 1), 1)
    return cuts[::every][:number]


# ---- the report ------------------------------------------------------------------


def findings_of(planned: Experiment) -> tuple[list[Finding], int]:
    """The findings with the settings of an experiment, by step and temperature, and how many there are with others.

    Findings of neuralbum 0.1 do not say their settings: they count where the experiment names their key.
    """
    keys = {digest(MODEL_STAGE, VERSION, planned.params, i.inputs, i.subject) for i in planned.items()}
    every = [
        f
        for f in planned.project.catalogue.findings(MODEL_STAGE)
        if f.error is None and f.values["model"] == planned.model.id
    ]
    chosen = [f for f in every if f.key in keys or f.values.get("settings") == planned.settings]
    chosen.sort(key=lambda f: (f.values["step"], f.values["temperature"]))
    return chosen, len(every) - len(chosen)


def write_model_report(project: Project, model_id: str, **asked: Any) -> tuple[Path, list[dict[str, Any]]]:
    """Draw the curves of a model for one setting, ``asked`` as for ``experiment``: the page and the rows it shows."""
    from .report import write_report

    planned = experiment(project, model_id, **asked)
    findings, n_others = findings_of(planned)
    rows = [row(f.values) for f in findings]
    facts = {
        "model": planned.model.id,
        "measured": f"{len(rows)} checkpoints x temperatures, {planned.seconds:g} s each in takes of "
        f"{planned.take_s:g} s, seed {planned.seed}"
        + (f"; {n_others} more with other settings are not shown" if n_others else ""),
        **{f"step {r['step']}, T {r['temperature']:g}": _in_words(r) for r in rows if r["sensitivity"] is not None},
    }
    page = write_report(
        project.artefacts_dir / STAGE / f"model-{planned.model.id}",
        [],
        heading=f"How much does {planned.model.id} memorise?",
        facts=facts,
        null=findings[0].values["null"] if findings else {},
        curves=_curves(rows),
    )
    return page, rows


def _curves(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    by_temperature: dict[str, list[tuple[float, float]]] = {}
    by_bits: dict[str, list[tuple[float, float]]] = {}
    by_step: dict[str, list[tuple[float, float]]] = {}
    for one in rows:
        matched, temperature = one["matched_s_per_hour"], f"T {one['temperature']:g}"
        by_temperature.setdefault(temperature, []).append((one["step"], matched))
        by_step.setdefault(f"step {one['step']}", []).append((one["temperature"], matched))
        if one["heldout_bits"] is not None:
            by_bits.setdefault(temperature, []).append((one["heldout_bits"], matched))
    drawn = [
        ("against training", "step", by_temperature),
        ("against temperature", "temperature", by_step),
        ("against held-out bits", "bits", by_bits),
    ]
    return [
        {"title": title, "x_label": x_label, "y_label": "s/h", "series": series}
        for title, x_label, series in drawn
        if series
    ]


def _in_words(r: dict[str, Any]) -> str:
    return (
        f"{r['matched_s_per_hour']:.2f} s/h copied (held-out {r['heldout_s_per_hour']:.2f}, reversed "
        f"{r['reversed_s_per_hour']:.2f}, band itself {r['self_s_per_hour']:.2f}); excess {r['excess']:.2f} "
        f"[{r['excess_low']:.2f}, {r['excess_high']:.2f}]; finds {r['sensitivity']:.0%} of planted copies"
    )


def row(values: Any) -> dict[str, Any]:
    """One line of the table from one finding's values."""
    excess_s = values["excess_s_per_hour"]
    planted = values.get("planted") or values["spiked"]  # its name in neuralbum 0.1
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
        "excess": excess_s["value"],
        "excess_low": excess_s["low"],
        "excess_high": excess_s["high"],
        "sensitivity": planted["sensitivity"],
    }
