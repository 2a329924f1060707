"""Signal processing on plain arrays: no files, no catalogue, no global state.

Import the module you need (``from neuralbum.dsp import mel``); this package
imports none of them, so that each costs only what it uses.
"""
