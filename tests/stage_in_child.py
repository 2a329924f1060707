"""A process that runs stages in forks of itself, each killed with SIGKILL at a chosen dangerous moment.

A moment lies right before or right after each call that changes what is on the disk: a rename, a flush,
a removal, a commit to the catalogue, a block of sound. A line of JSON {"root", "stage", "options",
"deadly"} on stdin runs a stage and is answered by {"moments", "killed", "error"}; deadly 0 is never.

The modules are imported once, before the forks, so that a kill costs no start of an interpreter.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from pathlib import Path

from neuralbum.audio import FlacWriter
from neuralbum.catalogue import Catalogue
from neuralbum.project import Project, registry

DANGEROUS = {
    os: ("replace", "rename", "fsync", "unlink", "mkdir"),
    shutil: ("rmtree",),
    FlacWriter: ("write",),
    Catalogue: (
        "record", "claim", "start", "let_go", "forget", "add_take", "add_tracks", "remove_tracks", "add_model",
        "add_curve", "add_activity", "say", "set_songs",
    ),
}  # fmt: skip


class Moments:
    """Counts the dangerous moments of this process, and ends it at the deadly one."""

    def __init__(self, deadly: int) -> None:
        self.deadly, self.count = deadly, 0
        for owner, names in DANGEROUS.items():
            for name in names:
                setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, plain):
        def counted(*args, **named):
            self._pass()
            result = plain(*args, **named)
            self._pass()
            return result

        return counted

    def _pass(self) -> None:
        self.count += 1
        if self.count == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)


def judge(project: Project) -> None:
    """What a curator does: verdicts, tags, a note and one change of mind, sent to the server until it says yes."""
    from starlette.testclient import TestClient

    from neuralbum.curate import server
    from neuralbum.curate.params import Params
    from neuralbum.curate.service import CurationService
    from neuralbum.web.auth import Access

    app = server.make_app(CurationService(project, Params()), Access.make("127.0.0.1", 8000, (), default_actor="ana"))
    client = TestClient(app, base_url="http://127.0.0.1:8000")
    takes = list(project.catalogue.take_paths())
    said = [("verdict", t, {"value": "keep"}) for t in takes]
    said += [("tag", takes[0], {"tag": "doom riff"}), ("verdict", takes[-1], {"value": "maybe"})]
    said += [("note", takes[0], {"note_id": "note-0001", "start_s": 0.5, "end_s": 1.0, "text": "a fine bar"})]
    for number, (kind, take, payload) in enumerate(said):
        event = {"client_id": f"event-{number:04}", "kind": kind, "take_id": take, "payload": payload}
        answer = client.post("/api/events", json={"events": [event]})
        assert answer.status_code == 200, answer.text
        assert not answer.json().get("refused"), answer.text


def stage_of(name: str):
    if name == "curate":
        return judge
    if name == "originality":
        from neuralbum.originality import building

        building.DECOYS, building.COVER_DECOYS = ((3.0, 8),), ((15.0, 4),)  # chance needs no precise odds here
    return registry.stage(name)


def once(root: Path, name: str, options: dict, deadly: int) -> dict:
    """Run the stage in a fork."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        said = {"moments": 0, "killed": False, "error": ""}
        moments = Moments(deadly)
        try:
            outcome = stage_of(name)(Project.open(root), **options)
            assert getattr(outcome, "ok", True), outcome
        except BaseException:
            said["error"] = traceback.format_exc()
        said["moments"] = moments.count
        os.write(write, json.dumps(said).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return {"moments": deadly, "killed": True, "error": ""}
    return json.loads(text)


if __name__ == "__main__":
    for line in sys.stdin:
        words = json.loads(line)
        stage_of(words["stage"])  # imports the room
        print(json.dumps(once(Path(words["root"]), words["stage"], words["options"], words["deadly"])), flush=True)
