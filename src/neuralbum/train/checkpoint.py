"""Models on disk: what model.json says of one, and the checkpoints it names.

    models/<id>/model.json                 About: what the net is, how it was trained and scored
    models/<id>/music.safetensors          what was found in the band's music: codebook, forms, examples, renderer
    models/<id>/steps/<step>.safetensors   the net at the checkpoints that are kept
    models/<id>/resume.safetensors         the trainer's state

model.json is written last and names every other file with its digest: a training that is
killed leaves the model as it was at the last checkpoint, and a damaged file is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CatalogueError, CheckpointError, ParameterError
from ..project.stage import file_digest
from ..records import canonical, digest
from . import model_folder
from .model_folder import step_path

if TYPE_CHECKING:
    from torch import Tensor

    from ..nets.band_model import BandModel
    from ..nets.flesh import Flesh
    from ..nets.griffin_lim import PlainRenderer
    from ..nets.samplernn import SampleRnn
    from ..project import Project

FORMAT = 5
KINDS = ("skeleton", "flesh", "samplernn")
MUSIC = "music.safetensors"
RENDERER = "renderer."
"""Names of the renderer's tensors in ``MUSIC`` begin so."""
TILT = "tilt."
"""Names of a tilt's tensors beside a skeleton's begin so, once it is fitted."""
LARGEST = 1e6
"""No weight, centre or level that training makes is near this; 1e30 is damage."""
LARGEST_SIZE = 65_536
"""No width, count or length in a net's config is above this: strange ones would fill the memory."""
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
RATES = (4_000, 192_000)


@dataclass(frozen=True)
class Checkpoint:
    """A moment of the training and how its net scored."""

    step: int
    measures: Mapping[str, float] = field(default_factory=dict)
    """"valid_bits": bits per second of music on the valid songs; "heldout_bits": on songs that chose nothing, absent
    where there are none; "likeness" (0: like another song of the band), "copied_s_per_hour"; of the flesh "loss"."""
    sha256: str = ""  #: of its file; empty: scored, but not kept

    @property
    def valid_bits(self) -> float | None:
        return self.measures.get("valid_bits")

    @property
    def heldout_bits(self) -> float | None:
        return self.measures.get("heldout_bits")


@dataclass(frozen=True)
class About:
    """model.json."""

    id: str
    kind: str  #: one of KINDS
    preset: str
    sample_rate: int  #: Hz, of the music it was trained on
    corpus_digest: str
    code: str  #: version of neuralbum that trained it
    facts: Mapping[str, Any]  #: plain values of the model: ``BandModel.facts``, or of the other nets {"net": config}
    step: int = 0  #: of the chosen checkpoint
    steps_done: int = 0
    training: Mapping[str, Any] = field(default_factory=dict)  #: settings
    baselines: Mapping[str, Any] = field(default_factory=dict)
    """Split ("valid", "heldout") -> name of a simple predictor -> bits per second of music."""
    music_sha256: str = ""  #: of MUSIC; empty where a kind has none
    history: tuple[Checkpoint, ...] = ()

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The chosen one."""
        return next((c for c in self.history if c.step == self.step), None)


# ---- writing ---------------------------------------------------------------


def write_music(
    folder: Path, model: BandModel | None, about: About, renderer: PlainRenderer | None = None,
    others: Mapping[str, Tensor] | None = None,
) -> About:  # fmt: skip
    """Write what was found in the band's music; model.json follows with the first ``write_net``."""
    tensors = dict(others or {})
    if model is not None:
        tensors |= {name: value for name, value in model.tensors().items() if not name.startswith("net.")}
    if renderer is not None:
        tensors |= {RENDERER + name: value for name, value in renderer.state_dict().items()}
    model_folder.write_tensors(folder / MUSIC, tensors)
    return replace(about, music_sha256=file_digest(folder / MUSIC))


def write_net(folder: Path, about: About, scored: Checkpoint, tensors: Mapping[str, Tensor]) -> About:
    """Write a checkpoint, then the model.json that names it among the others."""
    path = step_path(folder, scored.step)
    model_folder.write_tensors(path, tensors)
    others = [c for c in about.history if c.step != scored.step]
    history = sorted([*others, replace(scored, sha256=file_digest(path))], key=lambda c: c.step)
    about = replace(about, history=tuple(history))
    write_about(folder, about)
    return about


def write_about(folder: Path, about: About) -> None:
    table = canonical(about)
    assert isinstance(table, dict)
    model_folder.write_about(folder, {"format": FORMAT, "digest": digest(table), **table})


def forget_checkpoint(folder: Path, step: int) -> None:
    """Remove a checkpoint's file; how it scored stays. The chosen one is not to be forgotten."""
    about = read_about(folder)
    assert step != about.step
    history = tuple(replace(c, sha256="") if c.step == step else c for c in about.history)
    write_about(folder, replace(about, history=history))
    step_path(folder, step).unlink(missing_ok=True)


# ---- reading ---------------------------------------------------------------


def read_about(folder: Path) -> About:
    """Read model.json.

    Raises
    ------
    CheckpointError
        Missing, damaged, of another format, or it says what no training writes.
    """
    path = folder / model_folder.ABOUT
    text = model_folder.read_about(folder, train="neuralbum train")
    if text.pop("format", None) != FORMAT:
        raise CheckpointError(f"{path}: of another format than this neuralbum's ({FORMAT}); train again")
    said = text.pop("digest", None)
    if said != digest(text):
        raise CheckpointError(f"{path}: damaged, or changed by hand; take another model or train again")
    try:
        history = tuple(Checkpoint(**row) for row in text.pop("history"))
        about = About(**text, history=history)
        _check(about, folder)
    except (TypeError, KeyError, ValueError) as cause:
        raise CheckpointError(f"{path}: {cause}; take another model or train again") from cause
    return about


def open_model(folder: Path | str, step: int | None = None) -> tuple[BandModel, About]:
    """A band's trained skeleton with all it needs: the chosen checkpoint, or the one at ``step``.

    Raises
    ------
    CheckpointError
        Missing, damaged, or the parts do not belong together.
    """
    from ..nets.band_model import BandModel

    folder = Path(folder)
    about, net = open_net(folder, step, kind="skeleton")
    tensors = read_music(folder, about)
    tensors |= {name if name.startswith(TILT) else f"net.{name}": value for name, value in net.items()}
    try:
        model = BandModel.from_parts(tensors, about.facts)
        _check_model(model)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, RuntimeError, ZeroDivisionError) as cause:
        why = " ".join(str(cause).split())[:200]
        raise CheckpointError(f"{folder}: its parts do not fit each other ({why}); train again") from cause
    return model, about


def open_renderer(folder: Path | str) -> PlainRenderer:
    """The plain renderer fitted on the band's music."""
    from ..nets.frames import FrameSpec
    from ..nets.griffin_lim import PlainRenderer

    folder = Path(folder)
    about = read_about(folder)
    tensors = read_music(folder, about)
    renderer = PlainRenderer(FrameSpec(about.sample_rate))
    held = {n.removeprefix(RENDERER): v for n, v in tensors.items() if n.startswith(RENDERER)}
    model_folder.fill(renderer.state_dict(), held, folder / MUSIC)
    return renderer.eval()


def open_flesh(folder: Path | str, step: int | None = None) -> tuple[Flesh, About]:
    """A band's trained flesh, with the plain renderer it corrects; errors as of ``open_model``."""
    from ..nets.flesh import Flesh

    folder = Path(folder)
    about, tensors = open_net(folder, step, kind="flesh")
    try:
        flesh = Flesh(open_renderer(folder), **about.facts["net"])
    except (TypeError, ValueError, RuntimeError) as cause:
        raise CheckpointError(f"{folder}: its net cannot be built ({cause}); train again") from cause
    own = {name: value for name, value in flesh.state_dict().items() if not name.startswith("plain.")}
    model_folder.fill(own, tensors, step_path(folder, about.step))
    return flesh.eval(), about


def open_samplernn(folder: Path | str, step: int | None = None) -> tuple[SampleRnn, About]:
    """The reference net; errors as of ``open_model``."""
    from ..nets.samplernn import SampleRnn, SampleRnnConfig

    folder = Path(folder)
    about, tensors = open_net(folder, step, kind="samplernn")
    try:
        net = SampleRnn(SampleRnnConfig(**about.facts["net"]))
    except (TypeError, ValueError, RuntimeError) as cause:
        raise CheckpointError(f"{folder}: its net cannot be built ({cause}); train again") from cause
    model_folder.fill(net.state_dict(), tensors, step_path(folder, about.step))
    return net.eval(), about


def read_music(folder: Path, about: About) -> dict[str, Tensor]:
    """The tensors of MUSIC."""
    return _read(folder / MUSIC, about.music_sha256)


def open_net(folder: Path, step: int | None = None, *, kind: str) -> tuple[About, dict[str, Tensor]]:
    """What model.json says, with ``step`` the one that was asked for, and the net's tensors there."""
    about = read_about(folder)
    if about.kind != kind:
        raise CheckpointError(f"{about.id}: is a {about.kind}, a {kind} is needed here; choose another with --model")
    step = about.step if step is None else step
    kept = {c.step: c.sha256 for c in about.history if c.sha256}
    if step not in kept:
        known = ", ".join(map(str, kept)) or "none"
        raise CheckpointError(f"{about.id}: no checkpoint at step {step}; there are: {known}")
    return replace(about, step=step), _read(step_path(folder, step), kept[step])


def find_model(project: Project, word: str = "", *, kind: str = "skeleton") -> tuple[Path, int | None]:
    """The folder of a model of that kind (empty: any): by (the start of) its id or what people call it, each also
    with ``@step``; an empty word means the newest.

    Raises
    ------
    CatalogueError
        None is trained yet.
    ParameterError
        The name fits none or several.
    """
    name, step = model_folder.parse_model(word)
    ids = [m.id for m in project.catalogue.models() if (not kind or m.kind == kind) and ID.fullmatch(m.id)]
    ids = [i for i in ids if any((project.models_dir / i / "steps").glob("*[0-9].safetensors"))]
    if not ids:
        raise CatalogueError(f"{project.root}: no trained {kind or 'net'} yet; train one with `neuralbum train`")
    called = {o.name.casefold(): i for i, o in project.catalogue.run_opinions().items() if o.name} if name else {}
    name = called.get(name.casefold(), name)
    fitting = [i for i in ids if i == name] or [i for i in ids if i.startswith(name)]
    if name and len(fitting) != 1:
        raise ParameterError(f"model {name!r}: {len(fitting)} fit; there are: {', '.join(ids)}")
    return project.models_dir / fitting[-1], step


# ---- what is refused -------------------------------------------------------


def _check(about: About, folder: Path) -> None:
    """ValueError for what no training writes."""
    for name in ("id", "kind", "preset", "corpus_digest", "code", "music_sha256"):
        if not isinstance(getattr(about, name), str):
            raise ValueError(f"{name} is not a text")
    for name in ("facts", "training", "baselines"):
        if not isinstance(getattr(about, name), dict):
            raise ValueError(f"{name} is not a table")
    if not ID.fullmatch(about.id) or about.id != folder.resolve().name:
        raise ValueError(f"the id {about.id[:80]!r} is not the folder's name")
    if about.kind not in KINDS:
        raise ValueError(f"the kind {about.kind[:80]!r} is none of {', '.join(KINDS)}")
    _whole("sample_rate", about.sample_rate, *RATES)
    for name, step in [("step", about.step), ("steps_done", about.steps_done)]:
        _whole(name, step, 0, 2**53)
    for row in about.history:
        _whole("a checkpoint's step", row.step, 0, 2**53)
        if not isinstance(row.sha256, str) or not isinstance(row.measures, dict):
            raise ValueError("a checkpoint's digest or measures are not what they should be")
    config = about.facts.get("net")
    if not isinstance(config, dict):
        raise ValueError("facts do not describe a net")
    for name, value in config.items():
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int | float) and not (math.isfinite(number) and abs(number) <= LARGEST_SIZE):
                raise ValueError(f"the net's {name} is {number}, out of range")


def _whole(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} is {str(value)[:40]!r}, not a whole number from {low} to {high}")


def _read(path: Path, sha256: str) -> dict[str, Tensor]:
    """Tensors of a file that is the one model.json names, each of them what training writes."""
    import torch

    tensors = model_folder.read_tensors(path)
    if file_digest(path) != sha256:
        raise CheckpointError(f"{path}: not the file that model.json names; take another checkpoint or train again")
    for name, value in tensors.items():
        if value.dtype not in (torch.float32, torch.int16, torch.int64):
            raise CheckpointError(f"{path}: {name} holds {value.dtype}; float32 or whole numbers are needed")
        if value.dtype == torch.float32 and not bool((value.abs() <= LARGEST).all()):
            raise CheckpointError(f"{path}: {name} holds values above {LARGEST:g} or not numbers; train again")
    return tensors


def _check_model(model: BandModel) -> None:
    """ValueError where codes, tokens or shapes lie outside of what the codebook and the forms have."""
    from ..nets.codebook import N_GROUPS, groups_of
    from ..nets.texture import ORDER
    from ..nets.tilting import N_BINS

    book, form, config = model.codebook, model.form, model.net.config
    sizes = [len(chosen) for chosen in groups_of(book.spec)]
    if [c.shape for c in book.centres] != [(config.n_codes, size) for size in sizes]:
        raise ValueError("the codebook's centres do not fit the frames")
    if book.vectors.shape != (N_GROUPS, config.n_codes, config.n_latents):
        raise ValueError("the codebook's vectors do not fit the net")
    if book.embedded.shape[:2] != (N_GROUPS, config.n_codes) or book.refinement.shape[1:] != (sum(sizes),):
        raise ValueError("what refines the codebook does not fit it")
    size, texture = book.spec.size, model.texture
    if texture.deviations.shape != (config.n_codes, sum(sizes)) or (texture.deviations < 0.0).any():
        raise ValueError("the texture's deviations do not fit the codebook")
    if texture.transition.shape != (ORDER * size, size) or texture.mixing.shape != (size, size):
        raise ValueError("the texture does not fit the frames")
    if form.centres.shape[1:] != (config.n_form,) or form.axes.shape != (config.n_latents, config.n_form):
        raise ValueError("the forms do not fit the net")
    if any(not bool(((bins >= 0) & (bins < N_BINS)).all()) for bins in (model.tilt.rises, model.tilt.distances)):
        raise ValueError("the tilt's bins are out of range")
    if not model.examples:
        raise ValueError("there are no songs to begin like")
    for example in model.examples:
        n_bars, length = len(example.tokens), float(example.bar_frames)
        inside = 0 <= example.codes.min() <= example.codes.max() < config.n_codes
        named = 0 <= example.tokens.min() <= example.tokens.max() < len(form.centres)
        if not inside or not named or example.codes.shape[1:] != (N_GROUPS,) or not n_bars:
            raise ValueError(f"the codes of {example.title!r} are not the codebook's")
        if not 0 <= example.first < 16 or not 1.0 <= length <= LARGEST_SIZE or not abs(example.pitch) <= 24:
            raise ValueError(f"the bars of {example.title!r} are out of range")
