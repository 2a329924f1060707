"""Open what plays: the skeleton a project's settings or a recipe name, its renderer, the flesh."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CatalogueError, CheckpointError
from ..project import Project
from ..records import Recipe, digest
from ..train import checkpoint

if TYPE_CHECKING:
    from .making import Band

Named = tuple[Path, int | None]
"""A model's folder and the step of a checkpoint; None is the chosen one."""


@dataclass(frozen=True)
class BandFiles:
    """Where a skeleton and perhaps a flesh lie; nothing of them is opened yet."""

    skeleton: Named
    flesh: Named | None = None

    def identity(self) -> list[str]:
        """Id, step and digest of each, as their model.json say."""
        said = []
        for folder, step in (self.skeleton, *([self.flesh] if self.flesh else [])):
            about = checkpoint.read_about(folder)
            about = about if step is None else replace(about, step=step)
            said.append(f"{about.id}@{about.step} {_digest(about)}")
        return said


def find_band(project: Project, model: str = "", flesh: str = "auto") -> BandFiles:
    """The skeleton named ``model`` (empty: the newest), and a flesh: "auto" (if there is one), "always", "never".

    Raises
    ------
    CatalogueError, ParameterError
        None is trained, or the name fits none.
    """
    skeleton = checkpoint.find_model(project, model)
    if flesh == "never":
        return BandFiles(skeleton)
    try:
        return BandFiles(skeleton, checkpoint.find_model(project, kind="flesh"))
    except CatalogueError:
        if flesh == "always":
            raise
        return BandFiles(skeleton)


def open_band(project: Project, model: str = "", flesh: str = "auto") -> Band:
    """What ``find_band`` finds, opened; a CheckpointError if the files are damaged."""
    return open_files(find_band(project, model, flesh))


def open_recipe(project: Project, recipe: Recipe) -> Band:
    """What made a take.

    Raises
    ------
    CheckpointError
        It is not there any more, or not the same.
    """
    flesh = recipe.flesh
    fleshed = (project.models_dir / str(flesh["model_id"]), int(flesh["step"])) if flesh else None
    band = open_files(BandFiles((project.models_dir / recipe.model_id, recipe.step), fleshed))
    if band.digest != recipe.model_digest or dict(band.flesh_recipe) != dict(flesh):
        raise CheckpointError(f"take {recipe.take_id}: {recipe.model_id}@{recipe.step} is not what made it any more")
    return band


def open_files(files: BandFiles) -> Band:
    """The models themselves; torch is imported."""
    from .making import Band

    folder, step = files.skeleton
    model, about = checkpoint.open_model(folder, step)
    band = Band(model, checkpoint.open_renderer(folder), about.id, _digest(about), about.step)
    if files.flesh is None:
        return band
    flesh, said = checkpoint.open_flesh(*files.flesh)
    if flesh.plain.spec != model.spec:
        raise CheckpointError(f"{said.id}: was trained at another rate than {about.id}; train it again")
    recipe = {"model_id": said.id, "digest": _digest(said), "step": said.step}
    return replace(band, flesh=flesh, flesh_recipe=recipe)


def _digest(about: checkpoint.About) -> str:
    """Of all files that a model's checkpoint is read from."""
    weights = about.checkpoint.sha256 if about.checkpoint else ""
    return digest("model", weights, about.music_sha256)
