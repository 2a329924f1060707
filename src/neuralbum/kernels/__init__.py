"""The only home of numba: inner loops, each beside the plain NumPy twin it must agree with.

A kernel takes and gives arrays, allocates its output once, and says in its
docstring how much faster than its twin it was measured. Import the module you
need; this package imports none of them.
"""
