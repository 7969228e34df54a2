"""The smallest driver that is of use: X25519 and HKDF-SHA256.

@spec 11-driver
Owns: the rules that every driver keeps: one answer a line, codes, nothing but hex. It stands alone: copy it and go on.
"""

import hmac
import json
import re
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Refusal(Exception):
    """Arguments: code, message."""


def need(condition, message, code="InvalidArgument"):
    if not condition:
        raise Refusal(code, message)


def read(args, required, optional=()):
    need(isinstance(args, dict), "wrong-type [args]")
    need(set(required) <= set(args) <= {*required, *optional}, "missing-or-unknown-field [args]")
    for name in set(args) - {"length"}:
        value = args[name]
        need(isinstance(value, str) and re.fullmatch("([0-9a-f]{2})*", value), f"not-hex [{name}]")
    return {name: value if name == "length" else bytes.fromhex(value) for name, value in args.items()}


def private_key(args):
    need(len(args["private"]) == 32, "bad-length [private]", "InvalidKey")
    return X25519PrivateKey.from_private_bytes(args["private"])


def public(args):
    key = private_key(read(args, ["private"])).public_key()
    return {"public": "05" + key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()}


def shared(args):
    args = read(args, ["private", "public"])
    own, wire = private_key(args), args["public"]
    canonical = int.from_bytes(wire[1:], "little") < 2**255 - 19
    need(len(wire) == 33 and wire[0] == 5 and canonical, "bad-key [public]", "InvalidKey")
    try:
        return {"shared": own.exchange(X25519PublicKey.from_public_bytes(wire[1:])).hex()}
    except ValueError:
        raise Refusal("InvalidKey", "zero-shared-secret [public]") from None


def hkdf(args):
    args = read(args, ["ikm", "info", "length"], ["salt"])
    length = args["length"]
    need(type(length) in (int, float) and length in range(1, 8161), "not-in-range [length]")
    prk = hmac.digest(args.get("salt") or bytes(32), args["ikm"], "sha256")
    okm = block = b""
    for counter in range(1, 256):
        block = hmac.digest(prk, block + args["info"] + bytes([counter]), "sha256")
        okm += block
    return {"okm": okm[: int(length)].hex()}


def hello(args):
    read(args, [])
    return {"implementation": "smallest", "version": "1", "protocol": 1, "ops": list(OPS)}


OPS = {"hello": hello, "x25519.public": public, "x25519.shared": shared, "hkdf": hkdf}


def answer(line):
    number = None
    try:
        request = json.loads(line.decode())
        need(type(request["id"]) is int and abs(request["id"]) < 2**53, "bad-id [id]")
        number = request["id"]
        need(set(request) <= {"id", "op", "args"} and isinstance(request["op"], str), "wrong-type [request]")
        need(request["op"] in OPS, "unknown-operation [op]", "UnsupportedOperation")
        return {"id": number, "ok": OPS[request["op"]](request.get("args", {}))}
    except Refusal as refusal:
        return {"id": number, "error": {"code": refusal.args[0], "message": refusal.args[1]}}
    except Exception:
        return {"id": number, "error": {"code": "InvalidArgument", "message": "malformed [line]"}}


for line in sys.stdin.buffer:
    if line.strip():
        print(json.dumps(answer(line)), flush=True)
