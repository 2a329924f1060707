"""C2PA manifests: who says that this file was generated, by which net, from which seed.

Needs the extra ``provenance`` (c2pa-python) and a certificate. The manifest is
made last: it seals the tagged bytes, and any later change shows. It stands in the file; beside containers that
cannot carry one (Ogg, WebM) in a sidecar of the same name that ends in ``.c2pa``, where C2PA's tools look for it.

The certificate is the releaser's own. With a time-stamp service (RFC 3161, ``[release] sign_timestamp``) a signature
stays valid when the certificate has run out; without one it is valid as long as the certificate is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import MissingExtra, ToolError

MIME = {
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "gif": "image/gif",
    "webp": "image/webp",
    "png": "image/png",
    "jpg": "image/jpeg",
    "avif": "image/avif",
}
"""What can carry a manifest."""
BESIDE = {"opus": "audio/ogg", "webm": "video/webm"}
"""What cannot, and gets a sidecar."""
SIGNED_FOLDERS = ("audio/", "pictures/", "clips/", "video/")

GENERATION = "com.neuralbum.generation"
"""Label of our own assertion: model, seed, temperature."""


SETTINGS = {"builder": {"thumbnail": {"enabled": False}}}
"""No thumbnails: they cost 6 s and 90 KB a GIF."""


@dataclass(frozen=True)
class Signer:
    """Where certificate and key lie. Paths: the key itself is never copied or logged."""

    certificate: Path
    key: Path
    timestamp: str = ""  #: address of a time-stamp service; empty: none is asked

    @property
    def identity(self) -> str:
        """Changes when files are to be signed again."""
        return f"{self.certificate.stat().st_mtime_ns} {self.timestamp}"


@dataclass(frozen=True)
class Claim:
    """What a manifest says about one song."""

    title: str
    made_with: str
    source_type: str  #: of IPTC's vocabulary, an address
    generation: Mapping[str, Any] = field(default_factory=dict)


def available() -> bool:
    """Whether the extra is installed."""
    from importlib.util import find_spec

    return find_spec("c2pa") is not None


def manifest(claim: Claim) -> dict[str, Any]:
    """The manifest definition: how it was created, and not for further training without asking."""
    name, _, version = claim.made_with.partition(" ")
    forbidden = {"use": "notAllowed"}
    return {
        "claim_generator_info": [{"name": name, "version": version or "0"}],
        "title": claim.title,
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": claim.source_type}]},
            },
            {
                "label": "cawg.training-mining",
                "data": {
                    "entries": {
                        "cawg.ai_training": forbidden,
                        "cawg.ai_generative_training": forbidden,
                        "cawg.data_mining": forbidden,
                    }
                },
            },
            {"label": GENERATION, "data": dict(claim.generation)},
        ],
    }


def sidecar_of(path: Path) -> Path | None:
    """Where the manifest of a file is, if not in the file itself."""
    return path.with_suffix(".c2pa") if _kind(path) in BESIDE else None


def can_sign(path: Path) -> bool:
    return _kind(path) in MIME or _kind(path) in BESIDE


def manifests(paths: Iterable[str]) -> dict[str, str]:
    """Of an album's files, those that are signed: path -> where its manifest is, itself or a sidecar."""
    signed = [Path(p) for p in paths if p.startswith(SIGNED_FOLDERS) and can_sign(Path(p))]
    return {path.as_posix(): (sidecar_of(path) or path).as_posix() for path in signed}


def _kind(path: Path) -> str:
    return path.suffix.lstrip(".").lower()


def sign(path: Path, claim: Claim, signer: Signer) -> None:
    """Embed a signed manifest in the file, or write it beside where the container cannot carry one.

    Raises
    ------
    MissingExtra
        c2pa-python is not installed.
    ToolError
        The certificate or key is unusable, the time-stamp service does not answer, or the file cannot be signed.
    """
    c2pa = _c2pa()
    signed, beside = path.with_name(f"{path.name}.signed"), sidecar_of(path)
    try:
        info = c2pa.C2paSignerInfo(
            alg=_algorithm(signer).encode(),
            sign_cert=signer.certificate.read_bytes(),
            private_key=signer.key.read_bytes(),
            ta_url=signer.timestamp.encode() or None,
        )
        with (
            c2pa.Context.from_dict(SETTINGS) as context,
            c2pa.Builder(json.dumps(manifest(claim)), context=context) as builder,
            c2pa.Signer.from_info(info) as stamp,
            open(path, "rb") as source,
            open(signed, "w+b") as target,
        ):
            if beside is not None:
                builder.set_no_embed()
            made = builder.sign(stamp, {**MIME, **BESIDE}[_kind(path)], source, target)
        if beside is not None:
            beside.write_bytes(made)
        else:
            os.replace(signed, path)
    except (c2pa.C2paError, OSError) as cause:
        service = f", or {signer.timestamp} does not answer" if signer.timestamp else ""
        raise ToolError(
            f"{path.name}: cannot be signed ({str(cause) or type(cause).__name__}); "
            f"check [release] sign_certificate and sign_key{service}"
        ) from cause
    finally:
        signed.unlink(missing_ok=True)


@dataclass(frozen=True)
class Seal:
    """What a file's manifest says, and whether it holds."""

    signed: bool
    state: str = "none"  #: "Valid", "Trusted", "Invalid"; "none" without a manifest
    problems: tuple[str, ...] = ()
    title: str = ""
    source_type: str = ""
    time: str = ""  #: of the time stamp; empty: none
    generation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def intact(self) -> bool:
        return self.state in ("Valid", "Trusted")


def inspect(path: Path) -> Seal:
    """Read and check a file's manifest, in the file or in its sidecar.

    ``Valid`` says that the bytes are those that were signed; ``Trusted``, that
    the signer is on a trust list too. A self-made certificate gives ``Valid``.
    """
    c2pa = _c2pa()
    beside = sidecar_of(path)
    if not can_sign(path) or (beside is not None and not beside.is_file()):
        return Seal(False)
    try:
        with (
            open(path, "rb") as file,
            c2pa.Context.from_dict(SETTINGS) as context,
            c2pa.Reader(
                {**MIME, **BESIDE}[_kind(path)], file, manifest_data=beside and beside.read_bytes(), context=context
            ) as reader,
        ):
            report = json.loads(reader.json())
    except c2pa.C2paError as cause:
        if "ManifestNotFound" in f"{type(cause).__name__} {cause}":
            return Seal(False)
        return Seal(True, "Invalid", (str(cause) or type(cause).__name__,))
    active = report.get("manifests", {}).get(report.get("active_manifest"), {})
    said = {a.get("label"): a.get("data", {}) for a in active.get("assertions", [])}
    created = said.get("c2pa.actions.v2", {}).get("actions") or [{}]
    return Seal(
        True,
        str(report.get("validation_state", "Invalid")),
        tuple(
            str(status.get("code"))
            for status in report.get("validation_status", [])
            if status.get("code") != "signingCredential.untrusted"
        ),
        active.get("title", ""),
        str(created[0].get("digitalSourceType", "")),
        str(active.get("signature_info", {}).get("time") or ""),
        said.get(GENERATION, {}),
    )


def _c2pa() -> Any:
    try:
        import c2pa
    except ImportError as cause:
        raise MissingExtra("signing with C2PA", "provenance") from cause
    return c2pa


def _algorithm(signer: Signer) -> str:
    """The signature algorithm that fits the key, in C2PA's words."""
    head = signer.key.read_text(encoding="ascii", errors="replace")
    if "PRIVATE KEY" not in head:
        raise ToolError(f"{signer.key}: not a private key in PEM form")
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519  # comes with c2pa-python
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(head.encode(), password=None)
    except (ValueError, TypeError) as cause:
        raise ToolError(
            f"{signer.key}: cannot be used as a key ({cause}); it must be PEM without a password"
        ) from cause
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {256: "es256", 384: "es384", 521: "es512"}.get(key.curve.key_size, "es256")
    return "ps256"
