"""Everything that can go wrong in a way a user can mend.

    NeuralbumError
    ├── ParameterError      an argument lies outside what the algorithm is defined for
    │   └── SettingsError   the same, said in neuralbum.toml or by --set
    ├── AudioError          a sound file cannot be read, or holds nothing usable
    ├── CatalogueError      the catalogue or the project folder is missing, newer or damaged
    ├── CheckpointError     a model cannot be loaded, or does not fit what is asked of it
    ├── TrainingError       training cannot start or go on (NaN, too little material)
    ├── FormatError         a file of labels or judgements says nothing that is understood
    ├── IndexFileError      a fingerprint index is truncated, foreign or of another version
    ├── MissingExtra        an optional dependency is not installed
    └── ToolError           a library or program underneath refused (codec, disk, service)

A message says what, where, why and what to do next. The command line prints
one line and exits 1 (2 for ParameterError: wrong use); ``--trace`` shows the rest.
"""

from __future__ import annotations

import errno


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


class FormatError(NeuralbumError):
    """A file of labels or judgements says nothing that is understood."""


class IndexFileError(NeuralbumError):
    """A fingerprint index is truncated, foreign or of another version."""


class ToolError(NeuralbumError):
    """A library or program underneath refused: codec, disk, service."""


class MissingExtra(NeuralbumError):
    """An optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(feature, extra)  # what __init__ is called with again when a pool unpickles it
        self.feature = feature
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.feature} needs the {self.extra!r} extra: pip install 'neuralbum[{self.extra}]'"


REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space, then run the same command again",
    errno.EDQUOT: "your quota on this disk is used up; free some space, then run the same command again",
    errno.EFBIG: "the file would grow larger than this disk or your limits (ulimit -f) allow",
    errno.EROFS: "this disk can only be read; write somewhere else, or mount it for writing",
    errno.EACCES: "permission denied; change the owner or the mode, or name another place",
    errno.EPERM: "not permitted; change the owner or the mode, or name another place",
    errno.ENAMETOOLONG: "the name is longer than this disk allows; choose a shorter one",
    errno.EEXIST: "a file is there already; choose another name",
    errno.ENOTDIR: "a part of this path is a file and no folder; choose another path",
    errno.EISDIR: "a folder is there where a file is needed; choose another name",
    errno.ENOENT: "not there; is the name right, and is the disk mounted?",
    errno.ELOOP: "symbolic links lead in a circle; name the real folder",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n), or use fewer --workers",
    errno.ENFILE: "too many files are open on this machine; close other programs",
    errno.EIO: "the disk does not answer properly; look after it, and copy the project elsewhere",
    errno.ESTALE: "the network disk was mounted anew; go into the folder again",
    errno.EADDRINUSE: "the port is taken; choose another with --port, or 0 for any",
}
"""What to do about an error of the operating system, by its number."""


def in_one_line(error: BaseException) -> str:
    """Any exception as one line that says what to do; for those that are not the family's, too."""
    if isinstance(error, NeuralbumError):
        text = str(error)
    elif isinstance(error, OSError):
        where = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
        remedy = REMEDIES.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__
        text = f"{where}: {remedy}" if where else remedy
    elif isinstance(error, RecursionError):
        text = "something that was read is nested too deeply; simplify it (--trace shows where)"
    elif isinstance(error, MemoryError):
        text = "the memory does not suffice; use fewer --workers or smaller settings, or close other programs"
    else:
        text = f"{str(error) or type(error).__name__} ({type(error).__name__}; --trace shows where)"
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def shortened(value: object) -> str:
    """A value as a message shows it: its ``repr``, cut to 60 characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # thousands of digits, or nested thousands deep
        text = f"a {type(value).__name__} too large to show"
    return text if len(text) <= 60 else text[:57] + "…"
