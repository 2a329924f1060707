"""Pictures of takes: one documented transform for thumbnail and single view.

The transform (``analysis.py``): Hann window of 46 ms every 10 ms, power re a
full-scale sine, 128 Slaney-mel bands from 30 Hz to 16 kHz with triangles of
height 1, four frames averaged in power, then −80..0 dB -> 0..255. The range is
fixed, so pictures compare: the same grey is the same level in every take and
at every sample rate, and what a low rate cannot hold stays black.

Files
-----
thumbnail.webp    240 x 96, coloured, the whole take whatever its length
spectrogram.png   8-bit grey, high bands on top, at most MAX_COLUMNS wide: the numbers themselves
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 240, 96
QUALITY = 70
MAX_COLUMNS = 16_384  #: browsers draw images up to this width
WEBP_METHOD = 2  #: of 0 (fast) to 6: a third of the time of the default for 5 % more bytes

# Black over violet and orange to pale yellow: lightness rises evenly, so it reads in grey and for the colour-blind.
COLOURS = (
    (0, 0, 4),
    (40, 11, 84),
    (101, 21, 110),
    (159, 42, 99),
    (212, 72, 66),
    (245, 125, 21),
    (250, 193, 39),
    (252, 255, 164),
)


def palette() -> Bytes:
    """256 colours, uint8 (256, 3): COLOURS, evenly spaced and interpolated."""
    stops = np.linspace(0, 255, len(COLOURS))
    return np.stack([np.interp(np.arange(256), stops, c) for c in np.array(COLOURS).T], axis=1).round().astype(np.uint8)


def shrink(picture: Bytes, width: int, height: int) -> Bytes:
    """Resize (n_bands, n_columns) to (height, width) by averaging, high bands on top."""
    from PIL import Image

    if picture.shape[1] == 0:
        return np.zeros((height, width), dtype=np.uint8)
    image = Image.fromarray(np.ascontiguousarray(picture[::-1]))
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


def thumbnail(picture: Bytes) -> bytes:
    """The WebP file of a take's thumbnail."""
    return _webp(palette()[shrink(picture, WIDTH, HEIGHT)])


def spectrogram(picture: Bytes) -> bytes:
    """The PNG file of a take's 8-bit spectrogram, for drawing with any palette and contrast."""
    from PIL import Image

    n = picture.shape[1]
    if n > MAX_COLUMNS:
        grey = shrink(picture, MAX_COLUMNS, picture.shape[0])
    else:
        grey = np.ascontiguousarray(picture[::-1]) if n else np.zeros((len(picture), 1), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _webp(rgb: Bytes) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "WEBP", quality=QUALITY, method=WEBP_METHOD)
    return file.getvalue()
