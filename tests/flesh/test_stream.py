"""Block by block is the same as at once, and memory does not grow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralbum.errors import AudioError, CheckpointError, ParameterError
from neuralbum.flesh.net import new_generator
from neuralbum.flesh.params import NetShape
from neuralbum.flesh.stream import stream_blocks

from .test_net import awake, quiet_noise

SAME = 1e-6  # float32 sums in another order
NET = awake(new_generator(NetShape(16, 2), 0))
SOUND = quiet_noise(24_123)
WHOLE = np.concatenate(list(stream_blocks(NET, [SOUND], level=0.3, block_s=100.0)), axis=1)


@given(cuts=st.lists(st.integers(1, 24_122), max_size=6), block_s=st.floats(0.02, 2.0))
@settings(deadline=None, max_examples=15)
def test_however_the_sound_is_cut_the_result_is_that_of_the_full_pass(cuts, block_s):
    blocks = np.split(SOUND, sorted(set(cuts)))
    made = np.concatenate(list(stream_blocks(NET, blocks, level=0.3, block_s=block_s)), axis=1)
    assert made.shape == WHOLE.shape
    assert np.abs(made - WHOLE).max() < SAME


@pytest.mark.parametrize("n", [1, 159, 160, 161, 4000, 16_001])
def test_as_many_seconds_come_out_as_went_in(n):
    made = np.concatenate(list(stream_blocks(NET, [SOUND[:n]], level=0.0)), axis=1)
    assert made.shape == (2, round(n * 44_100 / 16_000))


def test_nothing_in_gives_nothing_out():
    assert list(stream_blocks(NET, [], level=0.0)) == []


def test_the_seed_decides_the_random_input_alone():
    same, other = (np.concatenate(list(stream_blocks(NET, [SOUND], level=0.3, seed=s)), axis=1) for s in (0, 1))
    assert np.array_equal(same, WHOLE)
    assert not np.array_equal(other, WHOLE)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_sound_that_is_not_numbers_is_refused(bad):
    broken = SOUND.copy()
    broken[1000] = bad
    with pytest.raises(AudioError, match="NaN or infinite"):
        list(stream_blocks(NET, [broken], level=0.0))


def test_stereo_and_settings_out_of_range_are_refused():
    with pytest.raises(AudioError, match="2 channels"):
        list(stream_blocks(NET, [np.zeros((2, 100), np.float32)], level=0.0))
    with pytest.raises(ParameterError, match="denoise=1.5"):
        list(stream_blocks(NET, [SOUND], level=1.5))
    with pytest.raises(ParameterError, match="width=3"):
        list(stream_blocks(NET, [SOUND], level=0.0, width=3))


def test_a_net_that_makes_nan_is_reported_not_written():
    net = awake(new_generator(NetShape(8, 1), 0))
    net.heads.bias.data[400] = float("nan")
    with pytest.raises(CheckpointError, match="NaN"):
        list(stream_blocks(net, [SOUND], level=0.0))


MEASURE = """
import json
import numpy as np, torch
torch.set_num_threads(1)
from neuralbum.flesh.net import new_generator
from neuralbum.flesh.params import NetShape
from neuralbum.flesh.stream import stream_blocks
net, rng = new_generator(NetShape(24, 1), 0).eval(), np.random.default_rng(0)
net.open.fill_(1.0)
peaks = []
for minutes in (1, 10):
    blocks = (rng.standard_normal(160_000).astype(np.float32) * 0.1 for _ in range(minutes * 6))
    n = sum(made.shape[1] for made in stream_blocks(net, blocks, level=0.3))
    assert n == minutes * 60 * 44_100
    peaks.append(next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
print(json.dumps(peaks))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
def test_ten_minutes_take_less_than_600_mib_and_no_more_than_one_minute():
    # not ru_maxrss: a child's starts with what its parent, the whole test run, held
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    one, ten = json.loads(done.stdout)
    assert ten < 600
    assert ten < one + 90  # nine more minutes of stereo at 44.1 kHz are 182 MiB; allocators alone wander by up to 54
