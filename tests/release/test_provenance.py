"""C2PA: signed last, sound untouched, tampering seen. The certificate authority is made here."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from neuralbum.audio import read, write_flac
from neuralbum.audio import tags as tagging
from neuralbum.audio.encode import Target, encode
from neuralbum.cli.run import run as cli
from neuralbum.errors import MissingExtra, ToolError
from neuralbum.release import provenance, run
from neuralbum.release.params import Params
from neuralbum.release.provenance import Claim, Signer, inspect, sign
from neuralbum.release.tags import Tags, write_tags

needs_c2pa = pytest.mark.skipif(not provenance.available(), reason="the extra 'provenance' is not installed")
CLAIM = Claim("Mock Melancholy", "neuralbum 0", {"model_digest": "d1gest", "seed": 7, "temperature": [[0, 1.01]]})


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """A certificate authority and a leaf for document signing, as C2PA's profile asks (section 14.5)."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("certificates")
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
            purposes = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION])
            certificate = certificate.add_extension(purposes, critical=False)
        return certificate.sign(issuer_key, hashes.SHA256())

    root_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = build(name("Root"), name("Root"), root_key, root_key, authority=True)
    leaf = build(name("Release"), name("Root"), leaf_key, root_key, authority=False)
    pem = serialization.Encoding.PEM
    (folder / "chain.pem").write_bytes(leaf.public_bytes(pem) + root.public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(leaf_key.private_bytes(pem, *private))
    return Signer(folder / "chain.pem", folder / "key.pem")


def make(path: Path, kind: str) -> Path:
    """A second of noise in a container of that kind, or a small picture."""
    rng = np.random.default_rng(5)
    if kind in ("gif", "webp"):
        from PIL import Image

        frames = [Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)) for _ in range(3)]
        frames[0].save(path, save_all=kind == "gif", append_images=frames[1:] if kind == "gif" else [])
        return path
    if kind == "mp4":
        import av

        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=10)
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
    assert sign(path, kind, CLAIM, signer)
    after, _ = read(path)
    assert np.array_equal(before, after)
    assert tagging.read(path, kind)[0]["TITLE"] == "Mock Melancholy"
    seal = inspect(path)
    assert seal.intact
    assert seal.title == "Mock Melancholy"
    assert seal.generation["seed"] == 7


@needs_c2pa
@pytest.mark.parametrize("kind", ["mp4", "gif", "webp"])
def test_pictures_and_videos_carry_a_manifest_too(tmp_path, signer, kind):
    path = make(tmp_path / f"picture.{kind}", kind)
    size = path.stat().st_size
    assert sign(path, kind, CLAIM, signer)
    assert inspect(path).intact
    assert path.stat().st_size < size + 30_000  # no thumbnail: that would be 90 kB and more in a GIF


@needs_c2pa
def test_one_flipped_bit_breaks_the_seal(tmp_path, signer):
    path = make(tmp_path / "song.mp3", "mp3")
    sign(path, "mp3", CLAIM, signer)
    data = bytearray(path.read_bytes())
    data[-200] ^= 1
    path.write_bytes(data)
    assert not inspect(path).intact


@needs_c2pa
def test_tagging_after_signing_breaks_the_seal_so_signing_comes_last(tmp_path, signer):
    path = make(tmp_path / "song.flac", "flac")
    sign(path, "flac", CLAIM, signer)
    tagging.write(path, "flac", {"TITLE": "another title"})
    assert not inspect(path).intact


@needs_c2pa
def test_an_unsigned_file_is_said_to_be_unsigned(tmp_path):
    seal = inspect(make(tmp_path / "song.mp3", "mp3"))
    assert not seal.signed


def test_opus_cannot_carry_a_manifest_and_is_left_alone(tmp_path):
    path = tmp_path / "song.opus"
    path.write_bytes(b"x")
    assert sign(path, "opus", CLAIM, Signer(tmp_path / "no", tmp_path / "no")) is False
    assert path.read_bytes() == b"x"


@needs_c2pa
def test_a_key_that_is_none_is_named(tmp_path, signer):
    path = make(tmp_path / "song.mp3", "mp3")
    nonsense = tmp_path / "key.pem"
    nonsense.write_text("hello")
    with pytest.raises(ToolError, match="not a private key"):
        sign(path, "mp3", CLAIM, Signer(signer.certificate, nonsense))


def test_without_the_extra_the_way_to_get_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    with pytest.raises(MissingExtra, match=r"neuralbum\[provenance\]"):
        inspect(tmp_path / "song.mp3")


@needs_c2pa
def test_a_signed_album_is_sealed_once_and_its_tampering_is_named(project, signer, capsys):
    params = Params(formats=("mp3", "opus"), sign_certificate=str(signer.certificate), sign_key=str(signer.key))
    assert run(project, params, workers=1).ok
    song = project.album_dir / "audio" / "mock-melancholy.mp3"
    seal = inspect(song)
    assert seal.intact
    assert seal.generation["model_digest"] == "d1gest"
    assert inspect(project.album_dir / "pictures" / "mock-melancholy.webp").intact
    assert run(project, params, workers=1).done == 0
    assert cli(["release", "verify", str(project.album_dir)]) == 0
    assert "4 signed" in capsys.readouterr().out  # three songs and a poster
    data = bytearray(song.read_bytes())
    data[-100] ^= 1
    song.write_bytes(data)
    assert cli(["release", "verify", str(project.album_dir)]) == 1
    assert "broken seal" in capsys.readouterr().out
