"""The trials of a sweep in optuna-dashboard (extra ``dashboard``), on this machine alone: it asks for no token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect

from ..errors import CatalogueError, MissingExtra
from ..project import Project

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

HOST = "127.0.0.1"


def open_storage(project: Project) -> RDBStorage:
    """Where the sweep keeps its trials: Optuna's tables in the project's database.

    Raises
    ------
    MissingExtra
        optuna-dashboard is not installed.
    CatalogueError
        Nothing was swept yet.
    """
    dashboard_of()
    import optuna

    engine = project.catalogue.engine
    if not inspect(engine).has_table("studies"):
        raise CatalogueError(f"{project.root}: no sweep has run here yet; run `neuralbum sweep` first")
    # Optuna would compare versions by a table of Alembic's that is the catalogue's here.
    return optuna.storages.RDBStorage(
        engine.url.render_as_string(hide_password=False), skip_compatibility_check=True, skip_table_creation=True
    )


def dashboard_of() -> Any:
    """The module that draws it."""
    try:
        import optuna_dashboard
    except ImportError as cause:
        raise MissingExtra("the dashboard of sweeps", "dashboard") from cause
    return optuna_dashboard


def serve(project: Project, *, port: int) -> None:
    """Show it until interrupted."""
    dashboard_of().run_server(open_storage(project), host=HOST, port=port)
