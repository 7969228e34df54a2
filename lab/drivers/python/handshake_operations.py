"""`handshake.initiate` and `handshake.respond`, where the caller runs the KEM.

@spec 11-driver §3
Owns: their arguments and answers, which fields go together. Must not know: agreements.
"""

from context import Context, Operation
from errors import Refusal
from handshake import Kem, Secrets, check_bundle, initiate, respond
from keys import draw_private, public_of, read_private, wire_form
from suites import KEM_SECRET_BYTES, SUITES, Suite
from tracing import Trace
from values import Omittable, invalid, number, octets, one_of, record

_ID = number(0, 2**32 - 1)
_BUNDLE = record(
    {
        # @req HSK-03
        "registrationId": _ID,
        "deviceId": number(1, 127),
        "identity": octets(),
        "signedPreKeyId": _ID,
        "signedPreKey": octets(),
        "signedPreKeySignature": octets(),
        "preKeyId": Omittable(_ID),
        "preKey": Omittable(octets()),
        "kemPreKeyId": Omittable(_ID),
        "kemPreKey": Omittable(octets()),
        "kemPreKeySignature": Omittable(octets()),
    },
    together=(("preKeyId", "preKey"), ("kemPreKeyId", "kemPreKey", "kemPreKeySignature")),
)


def _check_kem_fields(suite: Suite, args: dict, ours: str, given: tuple[str, ...], always: tuple[str, ...]) -> None:
    """Which fields of a KEM stand together.

    `ours` is the field with which this driver would have to run the KEM, `given` those of a KEM that the caller ran,
    `always` those that either needs. @req DRV-23
    """
    there = [name for name in given if args[name] is not None]
    if suite.kem_type is None:
        for name in (ours, *given, *always):
            if args[name] is not None:
                raise invalid("not-of-this-suite", name)
        return
    if there:
        for name in (*given, *always):
            if args[name] is None:
                raise invalid("missing-field", name)
        if args[ours] is not None:
            raise invalid("not-together", ours)
    else:
        for name in always:
            if args[ours] is None or args[name] is None:
                raise invalid("missing-field", ours if args[ours] is None else name)
        raise Refusal("UnsupportedOperation", "no-kem", given[0])


def _written(secrets: Secrets) -> dict:
    written = {"rootKey": secrets.root_key.hex(), "chainKey": secrets.chain_key.hex()}
    if secrets.pq_ratchet_key is not None:
        written["pqRatchetKey"] = secrets.pq_ratchet_key.hex()
    return {"secrets": written}


def _initiate(args: dict, _context: Context, trace: Trace) -> dict:
    suite = SUITES[args["suite"]]
    _check_kem_fields(suite, args, "kemRandom", ("kemShared", "kemCiphertext"), ())
    identity = read_private(args["identityPrivate"], "identityPrivate")
    # @req HSK-11
    given = args["ephemeralPrivate"]
    ephemeral = draw_private() if given is None else read_private(given, "ephemeralPrivate")
    check_bundle(suite, args["remote"])
    kem = None if suite.kem_type is None else Kem(args["kemShared"], args["kemCiphertext"])
    answer = _written(initiate(suite, identity, ephemeral, args["remote"], kem, trace))
    answer["ephemeralPublic"] = wire_form(public_of(ephemeral)).hex()
    if kem is not None:
        answer["kemCiphertext"] = kem.ciphertext.hex()
    return answer


def _respond(args: dict, _context: Context, trace: Trace) -> dict:
    suite = SUITES[args["suite"]]
    _check_kem_fields(suite, args, "kemPrivate", ("kemShared", "kemPublic"), ("kemCiphertext",))
    one_time = args["oneTimePreKeyPrivate"]
    own = (
        read_private(args["identityPrivate"], "identityPrivate"),
        read_private(args["signedPreKeyPrivate"], "signedPreKeyPrivate"),
        None if one_time is None else read_private(one_time, "oneTimePreKeyPrivate"),
    )
    kem = None if suite.kem_type is None else Kem(args["kemShared"], args["kemCiphertext"], args["kemPublic"])
    return _written(respond(suite, own, args["remoteIdentity"], args["ephemeralPublic"], kem, trace))


OPERATIONS = {
    "handshake.initiate": Operation(
        {
            "suite": one_of(*SUITES),
            "identityPrivate": octets(),
            "ephemeralPrivate": Omittable(octets()),
            "kemRandom": Omittable(octets(32)),
            "kemShared": Omittable(octets(KEM_SECRET_BYTES)),
            "kemCiphertext": Omittable(octets()),
            "remote": _BUNDLE,
        },
        _initiate,
    ),
    "handshake.respond": Operation(
        {
            "suite": one_of(*SUITES),
            "identityPrivate": octets(),
            "signedPreKeyPrivate": octets(),
            "oneTimePreKeyPrivate": Omittable(octets()),
            "kemPrivate": Omittable(octets()),
            "kemPublic": Omittable(octets()),
            "kemShared": Omittable(octets(KEM_SECRET_BYTES)),
            "remoteIdentity": octets(),
            "ephemeralPublic": octets(),
            "kemCiphertext": Omittable(octets()),
        },
        _respond,
    ),
}
