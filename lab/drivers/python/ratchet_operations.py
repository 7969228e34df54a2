"""Operations on a Double Ratchet behind a handle.

@spec 15-driver-lab §4
Owns: their arguments and answers. Must not know: chains.
"""

from chains import KEY_BYTES
from context import Context, Operation
from keys import draw_private, read_prime_order, read_private, read_public, wire_form
from primitive_operations import written_keys
from ratchet import Header, Ratchet
from tracing import Trace
from values import Omittable, invalid, number, octets, one_of, record, string

_KEY = octets(KEY_BYTES)
_COUNTER = number(0, 2**32 - 1)


def _init(args: dict, context: Context, trace: Trace) -> dict:
    root_key, chain_key, remote, private = (args[name] for name in ("rootKey", "chainKey", "remote", "private"))
    if args["role"] == "responder":
        if remote is not None:
            raise invalid("not-of-this-role", "remote")
        if private is None:
            raise invalid("missing-field", "private")
        ratchet = Ratchet.responder(root_key, chain_key, read_private(private, "private"))
    else:
        if remote is None:
            raise invalid("missing-field", "remote")
        own = draw_private() if private is None else read_private(private, "private")
        ratchet = Ratchet.initiator(root_key, chain_key, own, read_prime_order(remote, "remote"), trace)
    return {"ratchet": context.add_ratchet(ratchet)}


def _send(args: dict, context: Context, trace: Trace) -> dict:
    header, keys = context.ratchet(args["ratchet"]).send(args["pqKey"], trace)
    written = {
        "ratchetKey": wire_form(header.ratchet_key).hex(),
        "previousCounter": header.previous_counter,
        "counter": header.counter,
    }
    return {"header": written, **written_keys(keys)}


def _receive(args: dict, context: Context, trace: Trace) -> dict:
    ratchet = context.ratchet(args["ratchet"])
    written = args["header"]
    ratchet_key = read_public(written["ratchetKey"], "header.ratchetKey")
    header = Header(ratchet_key, written["previousCounter"], written["counter"])
    given = args["nextPrivate"]
    following = None if given is None else read_private(given, "nextPrivate")
    keys = ratchet.receive(header, lambda: draw_private() if following is None else following, args["pqKey"], trace)
    return written_keys(keys)


def _save(args: dict, context: Context, _trace: Trace) -> dict:
    return {"state": context.ratchet(args["ratchet"]).save().hex()}


OPERATIONS = {
    "ratchet.init": Operation(
        {
            "role": one_of("initiator", "responder"),
            "rootKey": _KEY,
            "chainKey": _KEY,
            "private": Omittable(octets()),
            "remote": Omittable(octets()),
        },
        _init,
    ),
    "ratchet.send": Operation({"ratchet": string, "pqKey": Omittable(_KEY, b"")}, _send),
    "ratchet.receive": Operation(
        {
            "ratchet": string,
            "header": record({"ratchetKey": octets(), "previousCounter": _COUNTER, "counter": _COUNTER}),
            "nextPrivate": Omittable(octets()),
            "pqKey": Omittable(_KEY, b""),
        },
        _receive,
    ),
    "ratchet.save": Operation({"ratchet": string}, _save),
}
