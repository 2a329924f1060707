"""Open what plays: the skeleton a project's settings or a recipe name, its renderer, the flesh."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import CatalogueError, CheckpointError
from ..project import Project
from ..records import Recipe, digest
from ..train import checkpoint
from .making import Band


def open_band(project: Project, model: str = "", flesh: str = "auto") -> Band:
    """The skeleton named ``model`` (empty: the newest), and a flesh: "auto" (if there is one), "always", "never".

    Raises
    ------
    CatalogueError, CheckpointError, ParameterError
        None is trained, or its files are damaged.
    """
    folder, step = checkpoint.find_model(project, model)
    fleshed: tuple[Path, int | None] | None = None
    if flesh != "never":
        try:
            fleshed = checkpoint.find_model(project, kind="flesh")
        except CatalogueError:
            if flesh == "always":
                raise
    return _open(folder, step, fleshed)


def open_recipe(project: Project, recipe: Recipe) -> Band:
    """What made a take.

    Raises
    ------
    CheckpointError
        It is not there any more, or not the same.
    """
    flesh = recipe.flesh
    fleshed = (project.models_dir / str(flesh["model_id"]), int(flesh["step"])) if flesh else None
    band = _open(project.models_dir / recipe.model_id, recipe.step, fleshed)
    if band.digest != recipe.model_digest or dict(band.flesh_recipe) != dict(flesh):
        raise CheckpointError(f"take {recipe.take_id}: {recipe.model_id}@{recipe.step} is not what made it any more")
    return band


def _open(folder: Path, step: int | None, fleshed: tuple[Path, int | None] | None) -> Band:
    model, about = checkpoint.open_model(folder, step)
    band = Band(model, checkpoint.open_renderer(folder), about.id, _digest(about), about.step)
    if fleshed is None:
        return band
    flesh, said = checkpoint.open_flesh(*fleshed)
    if flesh.plain.spec != model.spec:
        raise CheckpointError(f"{said.id}: was trained at another rate than {about.id}; train it again")
    recipe = {"model_id": said.id, "digest": _digest(said), "step": said.step}
    return replace(band, flesh=flesh, flesh_recipe=recipe)


def _digest(about: checkpoint.About) -> str:
    """Of all files that a model's checkpoint is read from."""
    weights = about.checkpoint.sha256 if about.checkpoint else ""
    return digest("model", weights, about.music_sha256)
