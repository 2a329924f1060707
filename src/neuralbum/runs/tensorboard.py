"""Curves, settings and clips as TensorBoard's event files (extra ``tensorboard``).

TensorBoard's own writer makes the records; each point has the step of the curve and the
time the run began plus its step, as when a point was made is not written down.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import MissingExtra
from .page import Shown, label


def write_events(folder: Path, shown: Shown) -> Path:
    """Write one run's events into ``folder``/<id>; what was there is replaced. Returns that folder.

    Raises
    ------
    MissingExtra
        TensorBoard is not installed.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.plugins.text.metadata import create_summary_metadata
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as cause:
        raise MissingExtra("writing TensorBoard's event files", "tensorboard") from cause

    target = folder / shown.run.id
    for old in target.glob("events.out.tfevents.*"):
        old.unlink()
    writer = EventFileWriter(str(target))
    began = shown.run.started_at

    def add(value: Summary.Value, step: int) -> None:
        writer.add_event(Event(wall_time=began + step, step=step, summary=Summary(value=[value])))

    settings = "\n".join(f"    {name} = {json.dumps(value)}" for name, value in shown.run.settings.items())
    words = TensorProto(dtype="DT_STRING", string_val=[f"{label(shown.run)}\n\n{settings}".encode()])
    add(Summary.Value(tag="settings", metadata=create_summary_metadata("settings", ""), tensor=words), 0)
    for name, points in shown.curves.items():
        for step, number in points:
            add(Summary.Value(tag=name, simple_value=number), step)
    for clip in shown.clips:
        sound = Summary.Audio(
            encoded_audio_string=clip.sound.read_bytes(), content_type="audio/ogg", sample_rate=48_000.0,
            num_channels=2, length_frames=round(clip.seconds * 48_000),
        )  # fmt: skip
        add(Summary.Value(tag=f"clip {clip.number + 1}", audio=sound), clip.step)
    writer.close()
    return target
