"""C2PA: signed last, sound untouched, tampering seen. The certificate authority is made here."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from neuralbum.audio import read, write_flac
from neuralbum.audio import tags as tagging
from neuralbum.audio.encode import Target, encode
from neuralbum.cli.run import run as cli
from neuralbum.errors import MissingExtra, ToolError
from neuralbum.release import run
from neuralbum.release.disclosure import answers, provenance
from neuralbum.release.disclosure.provenance import Claim, Signer, inspect, sign
from neuralbum.release.params import Params
from neuralbum.release.tags import Tags, write_tags
from neuralbum.release.verification import verify

from .conftest import found, say

needs_c2pa = pytest.mark.skipif(not provenance.available(), reason="the extra 'provenance' is not installed")
TRAINED = answers.IPTC + "trainedAlgorithmicMedia"
CLAIM = Claim(
    "Mock Melancholy", "neuralbum 0", TRAINED, {"model_digest": "d1gest", "seed": 7, "temperature": [[0, 1.01]]}
)


def certificates(folder: Path, purpose: str) -> None:
    """root.pem, leaf.pem, key.pem: an authority and a leaf for one purpose, as C2PA's profile asks (section 14.5)."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = dt.datetime.now(dt.UTC)

    def name(text: str):
        parts = [(x509.NameOID.ORGANIZATION_NAME, "Silver Stones"), (x509.NameOID.COMMON_NAME, text)]
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])

    def build(subject, issuer, key, issuer_key, *, authority: bool):
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
        )
        usage |= {"decipher_only": False, "digital_signature": not authority, "key_cert_sign": authority}
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=30))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.KeyUsage(**usage, crl_sign=authority), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        )
        if not authority:
            oid = getattr(x509.ExtendedKeyUsageOID, purpose)
            certificate = certificate.add_extension(x509.ExtendedKeyUsage([oid]), critical=purpose == "TIME_STAMPING")
        return certificate.sign(issuer_key, hashes.SHA256())

    root_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = build(name("Root"), name("Root"), root_key, root_key, authority=True)
    leaf = build(name("Release"), name("Root"), leaf_key, root_key, authority=False)
    pem = serialization.Encoding.PEM
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(pem))
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(leaf_key.private_bytes(pem, *private))


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    folder = tmp_path_factory.mktemp("certificates")
    certificates(folder, "EMAIL_PROTECTION")
    (folder / "chain.pem").write_bytes((folder / "leaf.pem").read_bytes() + (folder / "root.pem").read_bytes())
    return Signer(folder / "chain.pem", folder / "key.pem")


TSA = """
[tsa]
default_tsa = here
[here]
serial = {0}/serial
signer_cert = {0}/leaf.pem
signer_key = {0}/key.pem
certs = {0}/root.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""


@pytest.fixture(scope="session")
def time_stamps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a time-stamp service (RFC 3161): OpenSSL's, behind a web server of this process."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tsa")
    certificates(folder, "TIME_STAMPING")
    (folder / "tsa.cnf").write_text(TSA.format(folder))
    (folder / "serial").write_text("01")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            words = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply"]
            subprocess.run(words, cwd=folder, check=True, capture_output=True)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write((folder / "reply").read_bytes())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def make(path: Path, kind: str) -> Path:
    """A second of noise in a container of that kind, or a small picture."""
    rng = np.random.default_rng(5)
    if kind in ("gif", "webp"):
        from PIL import Image

        frames = [Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)) for _ in range(3)]
        frames[0].save(path, save_all=kind == "gif", append_images=frames[1:] if kind == "gif" else [])
        return path
    if kind in ("mp4", "webm"):
        import av

        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264" if kind == "mp4" else "libvpx-vp9", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for _ in range(5):
                frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path
    sound = (0.2 * rng.standard_normal((1, 16_000))).astype(np.float32)
    source = path.with_name("source.flac")
    write_flac(source, sound, 16_000)
    encode(source, [Target(path, kind, 128)])
    return path


@needs_c2pa
@pytest.mark.parametrize("kind", ["mp3", "flac", "m4a"])
def test_a_signed_song_keeps_its_sound_and_its_tags(tmp_path, signer, kind):
    path = make(tmp_path / f"song.{kind}", kind)
    write_tags(path, kind, Tags("Mock Melancholy", "Silver Stones", "Fake Feelings", 3))
    before, _ = read(path)
    sign(path, CLAIM, signer)
    after, _ = read(path)
    assert np.array_equal(before, after)
    assert tagging.read(path, kind)[0]["TITLE"] == "Mock Melancholy"
    seal = inspect(path)
    assert seal.intact
    assert seal.title == "Mock Melancholy"
    assert seal.generation["seed"] == 7
    assert (seal.source_type, seal.time) == (TRAINED, "")


@needs_c2pa
@pytest.mark.parametrize("kind", ["mp4", "gif", "webp"])
def test_pictures_and_videos_carry_a_manifest_too(tmp_path, signer, kind):
    path = make(tmp_path / f"picture.{kind}", kind)
    size = path.stat().st_size
    sign(path, CLAIM, signer)
    assert inspect(path).intact
    assert path.stat().st_size < size + 30_000  # no thumbnail: that would be 90 kB and more in a GIF


@needs_c2pa
def test_one_flipped_bit_breaks_the_seal(tmp_path, signer):
    path = make(tmp_path / "song.mp3", "mp3")
    sign(path, CLAIM, signer)
    data = bytearray(path.read_bytes())
    data[-200] ^= 1
    path.write_bytes(data)
    assert not inspect(path).intact


@needs_c2pa
def test_tagging_after_signing_breaks_the_seal_so_signing_comes_last(tmp_path, signer):
    path = make(tmp_path / "song.flac", "flac")
    sign(path, CLAIM, signer)
    tagging.write(path, "flac", {"TITLE": "another title"})
    assert not inspect(path).intact


@needs_c2pa
def test_an_unsigned_file_is_said_to_be_unsigned(tmp_path):
    seal = inspect(make(tmp_path / "song.mp3", "mp3"))
    assert not seal.signed


@needs_c2pa
@pytest.mark.parametrize("kind", ["opus", "webm"])
def test_what_cannot_carry_a_manifest_gets_one_beside_and_keeps_its_bytes(tmp_path, signer, kind):
    path = make(tmp_path / f"song.{kind}", kind)
    before = path.read_bytes()
    sign(path, CLAIM, signer)
    assert path.read_bytes() == before
    assert inspect(path).intact
    assert (inspect(path).title, inspect(path).source_type) == ("Mock Melancholy", TRAINED)
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    assert inspect(path).state == "Invalid"
    (tmp_path / "song.c2pa").unlink()
    assert not inspect(path).signed


@needs_c2pa
def test_a_time_stamp_is_asked_for_and_read_back(tmp_path, signer, time_stamps):
    path = make(tmp_path / "song.mp3", "mp3")
    sign(path, CLAIM, replace(signer, timestamp=time_stamps))
    seal = inspect(path)
    assert seal.intact
    assert seal.time.startswith(str(dt.datetime.now(dt.UTC).year))


@needs_c2pa
def test_a_time_stamp_service_that_does_not_answer_is_named(tmp_path, signer):
    path = make(tmp_path / "song.mp3", "mp3")
    with pytest.raises(ToolError, match="http://127.0.0.1:1/ does not answer"):
        sign(path, CLAIM, replace(signer, timestamp="http://127.0.0.1:1/"))
    assert not inspect(path).signed


@needs_c2pa
def test_a_key_that_is_none_is_named(tmp_path, signer):
    path = make(tmp_path / "song.mp3", "mp3")
    nonsense = tmp_path / "key.pem"
    nonsense.write_text("hello")
    with pytest.raises(ToolError, match="not a private key"):
        sign(path, CLAIM, Signer(signer.certificate, nonsense))


def test_without_the_extra_the_way_to_get_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    with pytest.raises(MissingExtra, match=r"neuralbum\[provenance\]"):
        inspect(tmp_path / "song.mp3")


@needs_c2pa
def test_a_signed_album_is_sealed_once_and_its_tampering_is_named(project, signer, capsys):
    take = project.catalogue.takes()[0]
    drawn = project.artefacts_dir / "visualise"
    clip, poster = make(drawn / "rich.webm", "webm"), drawn / "rich.webp"
    project.catalogue.forget(f"visualise-{take.id}")
    found(project, "visualise", take, {}, {"poster": project.relative(poster), "hover": project.relative(clip)})
    params = Params(formats=("mp3", "opus"), sign_certificate=str(signer.certificate), sign_key=str(signer.key))
    assert run(project, params, workers=1).ok
    assert inspect(project.album_dir / "clips" / "mock-melancholy.webm").source_type.endswith("/algorithmicMedia")
    song = project.album_dir / "audio" / "mock-melancholy.mp3"
    seal = inspect(song)
    assert seal.intact
    assert seal.generation["model_digest"] == "d1gest"
    assert seal.generation["watermark"]["song"] == 1
    poster = inspect(project.album_dir / "pictures" / "mock-melancholy.webp")
    assert (poster.intact, poster.source_type) == (True, answers.IPTC + "algorithmicMedia")
    page = (project.album_dir / "songs" / "mock-melancholy.html").read_text(encoding="utf-8")
    assert "in the file: MP3, POSTER; beside the file (.c2pa), which cannot carry it: CLIP, OPUS; no time stamp" in page
    assert run(project, params, workers=1).done == 0
    assert cli(["release", "verify", str(project.album_dir)]) == 0
    said = capsys.readouterr().out
    assert "8 signed" in said  # three songs in two formats, a poster and a clip
    assert "no time stamp" in said
    data = bytearray(song.read_bytes())
    data[-100] ^= 1
    song.write_bytes(data)
    (project.album_dir / "audio" / "mock-melancholy.c2pa").unlink()
    assert cli(["release", "verify", str(project.album_dir)]) == 1
    said = capsys.readouterr().out
    assert "broken seal" in said
    assert "the C2PA manifest is gone" in said
    say(project, take, "verdict", value="drop")
    assert run(project, params, workers=1).ok
    assert not [p for p in project.album_dir.rglob("*.c2pa") if "mock" in p.name]


@needs_c2pa
def test_an_album_with_time_stamps_says_by_whom(project, signer, time_stamps):
    params = Params(
        formats=("opus",),
        sign_certificate=str(signer.certificate),
        sign_key=str(signer.key),
        sign_timestamp=time_stamps,
    )
    assert run(project, params, workers=1).ok
    page = (project.album_dir / "songs" / "mock-melancholy.html").read_text(encoding="utf-8")
    assert f"time stamp by {time_stamps}" in page
    seen = verify(project.album_dir)
    assert seen.whole
    assert not [note for note in seen.notes if "time stamp" in note]
