"""X3DH and PQXDH: from keys to the first secrets.

@spec 02-handshake
Owns: the checks of a bundle, the order of agreements, the KDF's input and info. Must not know: how arguments are written.
"""

from dataclasses import dataclass

from errors import Refusal
from kdf import hkdf
from keys import agree, public_of, read_prime_order, wire_form
from suites import Suite, check_kem_ciphertext, check_kem_public, check_kem_reduced
from tracing import Trace
from xeddsa import SIGNATURE_BYTES, verify

# @req HSK-09
_PREFIX = 32 * b"\xff"


@dataclass(frozen=True)
class Transcript:
    """The public values of a handshake in wire form; those that it does not have are empty."""

    initiator_identity: bytes
    responder_identity: bytes
    signed_pre_key: bytes
    one_time_pre_key: bytes
    ephemeral: bytes
    kem_public: bytes
    kem_ciphertext: bytes


@dataclass(frozen=True)
class Kem:
    """What a KEM that somebody else ran came to: its secret, the key in wire form, the ciphertext in wire form."""

    shared: bytes
    ciphertext: bytes
    public: bytes = b""


@dataclass(frozen=True)
class Secrets:
    """What a handshake comes to."""

    root_key: bytes
    chain_key: bytes
    pq_ratchet_key: bytes | None


def check_bundle(suite: Suite, bundle: dict) -> None:
    """Everything that an initiator asks of a bundle before it computes anything.

    @req HSK-01 @req HSK-02 @req HSK-04 @req HSK-05 @req HSK-06
    """
    kem_public = bundle["kemPreKey"]
    if suite.kem_type is None and kem_public is not None:
        raise Refusal("InvalidKey", "kem-type-not-allowed", "kemPreKey")
    if suite.kem_type is not None and kem_public is None:
        raise Refusal("NotAllowed", "no-kem-prekey", "kemPreKey")
    identity = read_prime_order(bundle["identity"], "identity")
    read_prime_order(bundle["signedPreKey"], "signedPreKey")
    if bundle["preKey"] is not None:
        read_prime_order(bundle["preKey"], "preKey")
    if kem_public is not None:
        check_kem_public(suite, kem_public, "kemPreKey")
        check_kem_reduced(kem_public, "kemPreKey")
    _check_signature(identity, bundle["signedPreKey"], bundle["signedPreKeySignature"], "signedPreKeySignature")
    if kem_public is not None:
        _check_signature(identity, kem_public, bundle["kemPreKeySignature"], "kemPreKeySignature")


def _check_signature(identity: bytes, signed: bytes, signature: bytes, field: str) -> None:
    if len(signature) != SIGNATURE_BYTES:
        raise Refusal("InvalidSignature", "bad-length", field)
    if not verify(identity, signed, signature):
        raise Refusal("InvalidSignature", "bad-signature", field)


def initiate(
    suite: Suite, identity: bytes, ephemeral: bytes, bundle: dict, kem: Kem | None, trace: Trace
) -> Secrets:
    """The initiator's half, with a bundle that was checked. @req HSK-07"""
    if kem is not None:
        check_kem_ciphertext(suite, kem.ciphertext, "kemCiphertext")
    their_identity, signed_pre_key = bundle["identity"][1:], bundle["signedPreKey"][1:]
    agreements = [
        agree(identity, signed_pre_key, "signedPreKey"),
        agree(ephemeral, their_identity, "identity"),
        agree(ephemeral, signed_pre_key, "signedPreKey"),
    ]
    if bundle["preKey"] is not None:
        agreements.append(agree(ephemeral, bundle["preKey"][1:], "preKey"))
    transcript = Transcript(
        initiator_identity=wire_form(public_of(identity)),
        responder_identity=bundle["identity"],
        signed_pre_key=bundle["signedPreKey"],
        one_time_pre_key=bundle["preKey"] or b"",
        ephemeral=wire_form(public_of(ephemeral)),
        kem_public=bundle["kemPreKey"] or b"",
        kem_ciphertext=kem.ciphertext if kem else b"",
    )
    return _derive(suite, agreements, kem, transcript, trace)


def respond(
    suite: Suite,
    own: tuple[bytes, bytes, bytes | None],
    remote_identity: bytes,
    ephemeral: bytes,
    kem: Kem | None,
    trace: Trace,
) -> Secrets:
    """The responder's half; `own` are its private keys: identity, signed prekey, one-time prekey. @req HSK-07"""
    identity, signed_pre_key, one_time_pre_key = own
    if kem is not None:
        check_kem_public(suite, kem.public, "kemPublic")
        check_kem_ciphertext(suite, kem.ciphertext, "kemCiphertext")
    their_identity = read_prime_order(remote_identity, "remoteIdentity")
    their_ephemeral = read_prime_order(ephemeral, "ephemeralPublic")
    agreements = [
        agree(signed_pre_key, their_identity, "remoteIdentity"),
        agree(identity, their_ephemeral, "ephemeralPublic"),
        agree(signed_pre_key, their_ephemeral, "ephemeralPublic"),
    ]
    if one_time_pre_key is not None:
        agreements.append(agree(one_time_pre_key, their_ephemeral, "ephemeralPublic"))
    transcript = Transcript(
        initiator_identity=remote_identity,
        responder_identity=wire_form(public_of(identity)),
        signed_pre_key=wire_form(public_of(signed_pre_key)),
        one_time_pre_key=b"" if one_time_pre_key is None else wire_form(public_of(one_time_pre_key)),
        ephemeral=ephemeral,
        kem_public=kem.public if kem else b"",
        kem_ciphertext=kem.ciphertext if kem else b"",
    )
    return _derive(suite, agreements, kem, transcript, trace)


def _info(suite: Suite, transcript: Transcript) -> bytes:
    """@req HSK-10"""
    if not suite.binds_transcript:
        return suite.label
    values = (
        transcript.initiator_identity,
        transcript.responder_identity,
        transcript.signed_pre_key,
        transcript.one_time_pre_key,
        transcript.ephemeral,
        transcript.kem_public,
        transcript.kem_ciphertext,
    )
    return suite.label + b"".join(len(value).to_bytes(2, "big") + value for value in values)


def _derive(
    suite: Suite, agreements: list[bytes], kem: Kem | None, transcript: Transcript, trace: Trace
) -> Secrets:
    for number, agreement in enumerate(agreements, start=1):
        trace.note(f"handshake.dh{number}", agreement)
    ikm = _PREFIX + b"".join(agreements)
    if kem is not None:
        trace.note("handshake.kemShared", kem.shared)
        ikm += kem.shared
    info = _info(suite, transcript)
    okm = hkdf(ikm, b"", info, 64 if kem is None else 96)
    secrets = Secrets(okm[:32], okm[32:64], okm[64:] or None)
    trace.note("handshake.ikm", ikm)
    trace.note("handshake.info", info)
    trace.note("handshake.rootKey", secrets.root_key)
    trace.note("handshake.chainKey", secrets.chain_key)
    trace.note("handshake.pqRatchetKey", secrets.pq_ratchet_key or b"")
    return secrets
