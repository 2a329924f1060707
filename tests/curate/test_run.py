"""The server as it is run: it prints a link, answers there, and Ctrl-C is how one ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request


def test_ctrl_c_ends_the_server_well_and_the_next_command_is_told(album):
    command = [sys.executable, "-m", "neuralbum", "curate", "-p", str(album.root), "--port", "0", "--no-browser"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        assert server.stdout is not None
        link = server.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"{link}api/session") as answer:
            assert answer.status == 200
        server.send_signal(signal.SIGINT)
        out, err = server.communicate()
    assert (server.returncode, err) == (0, "")
    assert out.splitlines()[-1].startswith("next: neuralbum ")
