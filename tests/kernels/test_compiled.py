"""What numba keeps belongs to all kernels as they are: an old one must not live on inside another."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from neuralbum import kernels

SOURCES = Path(kernels.__file__).parent
ASK = "from numba import config; import neuralbum.kernels.decay; print(config.CACHE_DIR)"


def test_any_change_of_any_kernel_is_another_folder(tmp_path):
    copy = shutil.copytree(SOURCES, tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    assert kernels.compiled_of(copy) == kernels.compiled_of(SOURCES)
    (copy / "masks.py").write_text((copy / "masks.py").read_text() + "\n")
    assert kernels.compiled_of(copy) != kernels.compiled_of(SOURCES)


def test_the_folder_is_made_where_numba_is_told_to_and_nothing_goes_there(tmp_path):
    (tmp_path / "kernels-of-somebody").mkdir()
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    assert Path(told.stdout.strip()) == tmp_path / kernels.compiled_of(SOURCES)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [kernels.compiled_of(SOURCES), "kernels-of-somebody"]
    )


@pytest.mark.parametrize("has_cache", [True, False])
def test_where_nothing_can_be_put_beside_the_sources_it_goes_to_the_users_cache_or_ends_with_the_process(
    tmp_path, has_cache
):
    copy = shutil.copytree(SOURCES, tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "__pycache__").write_text("a file, as root may write into every folder")
    (tmp_path / "no-home").write_text("")
    cache = tmp_path / "cache" if has_cache else tmp_path / "no-home" / "cache"
    environment = {**os.environ, "NUMBA_CACHE_DIR": "", "PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(cache)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    ask = "import kernels; folder, lasts = kernels.kept_in(); print(folder, lasts, folder.is_dir())"
    told = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True)
    folder, lasts, is_there = told.stdout.split()
    assert (lasts, is_there) == (str(has_cache), "True")
    assert (Path(folder) == cache / "neuralbum" / kernels.compiled_of(copy)) is has_cache
    assert Path(folder).exists() is has_cache


def test_beside_the_sources_older_ones_go(tmp_path):
    copy = shutil.copytree(SOURCES, tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "__pycache__" / "kernels-0123456789abcdef").mkdir(parents=True)
    environment = {**os.environ, "NUMBA_CACHE_DIR": "", "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", "import kernels"], env=environment, check=True)
    assert not (copy / "__pycache__" / "kernels-0123456789abcdef").exists()
