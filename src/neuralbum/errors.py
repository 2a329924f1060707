"""Everything that can go wrong in a way a user can mend.

    NeuralbumError
    ├── ParameterError      an argument lies outside what the algorithm is defined for
    │   └── SettingsError   the same, said in neuralbum.toml or by --set
    ├── AudioError          a sound file cannot be read, or holds nothing usable
    ├── CatalogueError      the catalogue or the project folder is missing, newer or damaged
    ├── CheckpointError     a model cannot be loaded, or does not fit what is asked of it
    ├── TrainingError       training cannot start or go on (NaN, too little material)
    ├── IndexFileError      a fingerprint index is truncated, foreign or of another version
    ├── MissingExtra        an optional dependency is not installed
    └── ToolError           a library or program underneath refused (codec, disk, service)

A message says what, where, why and what to do next. The command line prints
one line and exits 1 (2 for ParameterError: wrong use); ``--trace`` shows the rest.
"""

from __future__ import annotations


class NeuralbumError(Exception):
    """The family; catch this to catch everything neuralbum raises on purpose."""


class ParameterError(NeuralbumError, ValueError):
    """An argument lies outside what the algorithm is defined for."""


class SettingsError(ParameterError):
    """A setting in neuralbum.toml or on the command line is unknown or out of range."""


class AudioError(NeuralbumError):
    """A sound file cannot be read, or holds nothing usable."""


class CatalogueError(NeuralbumError):
    """The catalogue or the project folder is missing, newer or damaged."""


class CheckpointError(NeuralbumError):
    """A model cannot be loaded, or does not fit what is asked of it."""


class TrainingError(NeuralbumError):
    """Training cannot start or go on."""


class IndexFileError(NeuralbumError):
    """A fingerprint index is truncated, foreign or of another version."""


class ToolError(NeuralbumError):
    """A library or program underneath refused: codec, disk, service."""


class MissingExtra(NeuralbumError):
    """An optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the {extra!r} extra: pip install 'neuralbum[{extra}]'")
        self.feature = feature
        self.extra = extra
