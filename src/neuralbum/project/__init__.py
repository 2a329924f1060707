"""A project: its folder and settings, the loop of the stages, the ledger of time, workers, doctor and status."""

from .folder import (
    SETTINGS_FILE,
    TABLES,
    Project,
    ProjectSettings,
    atomic,
    file_digest,
    part_of,
    settle,
)

__all__ = ["Project", "ProjectSettings", "SETTINGS_FILE", "TABLES", "atomic", "file_digest", "part_of", "settle"]
