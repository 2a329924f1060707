"""The built-in band, and the album it makes in ten minutes.

So that everything can be tried without owning any music: ``band`` plays songs
of known tempo, metre, key and form (``make_band``, ``write_band``), out of
arithmetic and dice, the same on every machine for the same seed.

    from neuralbum.demo.band import make_band
    songs = make_band(seed=0, n_songs=8, duration_s=30.0)
"""
