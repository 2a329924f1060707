"""C2PA manifests: who says that this file was generated, by which net, from which seed.

Needs the extra ``provenance`` (c2pa-python) and a certificate. The manifest is
embedded last: it seals the tagged bytes, and any later change shows. Opus and
WebM cannot carry one (the container is not supported); they go unsigned, their
digests stand in SHA256SUMS.

The certificate is the releaser's own. Without a timestamp service (nothing
here calls out) a signature is valid as long as the certificate is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import MissingExtra, ToolError

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
}
"""What can carry a manifest."""

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
GENERATION = "com.neuralbum.generation"
"""Label of our own assertion: model, seed, temperature."""


SETTINGS = {"builder": {"thumbnail": {"enabled": False}}}
"""No thumbnails: they cost 6 s and 90 KB a GIF."""


@dataclass(frozen=True)
class Signer:
    """Where certificate and key lie. Paths: the key itself is never copied or logged."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Claim:
    """What a manifest says about one song."""

    title: str
    made_with: str
    generation: Mapping[str, Any] = field(default_factory=dict)


def available() -> bool:
    """Whether the extra is installed."""
    from importlib.util import find_spec

    return find_spec("c2pa") is not None


def manifest(claim: Claim) -> dict[str, Any]:
    """The manifest definition: created by a trained algorithm, not for further training without asking."""
    name, _, version = claim.made_with.partition(" ")
    forbidden = {"use": "notAllowed"}
    return {
        "claim_generator_info": [{"name": name, "version": version or "0"}],
        "title": claim.title,
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": TRAINED}]},
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


def can_sign(kind: str) -> bool:
    return kind in MIME


def sign(path: Path, kind: str, claim: Claim, signer: Signer) -> bool:
    """Embed a signed manifest in the file; False where its kind cannot carry one.

    Raises
    ------
    MissingExtra
        c2pa-python is not installed.
    ToolError
        The certificate or key is unusable, or the file cannot be signed.
    """
    if not can_sign(kind):
        return False
    c2pa = _c2pa()
    signed = path.with_name(f"{path.name}.signed")
    try:
        info = c2pa.C2paSignerInfo(
            alg=_algorithm(signer).encode(),
            sign_cert=signer.certificate.read_bytes(),
            private_key=signer.key.read_bytes(),
            ta_url=None,
        )
        with (
            c2pa.Context.from_dict(SETTINGS) as context,
            c2pa.Builder(json.dumps(manifest(claim)), context=context) as builder,
            c2pa.Signer.from_info(info) as stamp,
            open(path, "rb") as source,
            open(signed, "w+b") as target,
        ):
            builder.sign(stamp, MIME[kind], source, target)
        os.replace(signed, path)
    except (c2pa.C2paError, OSError) as cause:
        raise ToolError(
            f"{path.name}: cannot be signed ({str(cause) or type(cause).__name__}); "
            f"check [release] sign_certificate and sign_key"
        ) from cause
    finally:
        signed.unlink(missing_ok=True)
    return True


@dataclass(frozen=True)
class Seal:
    """What a file's manifest says, and whether it holds."""

    signed: bool
    state: str = "none"  #: "Valid", "Trusted", "Invalid"; "none" without a manifest
    problems: tuple[str, ...] = ()
    title: str = ""
    generation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def intact(self) -> bool:
        return self.state in ("Valid", "Trusted")


def inspect(path: Path) -> Seal:
    """Read and check a file's manifest.

    ``Valid`` says that the bytes are those that were signed; ``Trusted``, that
    the signer is on a trust list too. A self-made certificate gives ``Valid``.
    """
    c2pa = _c2pa()
    kind = path.suffix.lstrip(".").lower()
    if kind not in MIME:
        return Seal(False)
    try:
        with (
            open(path, "rb") as file,
            c2pa.Context.from_dict(SETTINGS) as context,
            c2pa.Reader(MIME[kind], file, context=context) as reader,
        ):
            report = json.loads(reader.json())
    except c2pa.C2paError as cause:
        if "ManifestNotFound" in f"{type(cause).__name__} {cause}":
            return Seal(False)
        return Seal(True, "Invalid", (str(cause) or type(cause).__name__,))
    active = report.get("manifests", {}).get(report.get("active_manifest"), {})
    problems = tuple(
        str(status.get("code"))
        for status in report.get("validation_status", [])
        if status.get("code") != "signingCredential.untrusted"
    )
    generation: Mapping[str, Any] = next(
        (a["data"] for a in active.get("assertions", []) if a.get("label") == GENERATION), {}
    )
    return Seal(True, str(report.get("validation_state", "Invalid")), problems, active.get("title", ""), generation)


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
