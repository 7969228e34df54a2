"""Operations on keys, signatures, key derivation and safety numbers.

@spec 11-driver §3, 15-driver-lab §3
Owns: their arguments and answers. Must not know: handshakes, ratchets.
"""

import os

import chains
import fingerprint
import kdf
import xeddsa
from context import Context, Operation
from keys import agree, public_of, read_private, read_public, wire_form
from ratchet import MAX_FORWARD_JUMPS
from tracing import Trace
from values import Omittable, number, octets


def written_keys(keys: chains.MessageKeys) -> dict:
    """The keys of a message as an answer has them."""
    return {"cipherKey": keys.cipher_key.hex(), "macKey": keys.mac_key.hex(), "iv": keys.iv.hex()}


def _public(args: dict, _context: Context, _trace: Trace) -> dict:
    return {"public": wire_form(public_of(read_private(args["private"], "private"))).hex()}


def _shared(args: dict, _context: Context, _trace: Trace) -> dict:
    private = read_private(args["private"], "private")
    return {"shared": agree(private, read_public(args["public"], "public"), "public").hex()}


def _sign(args: dict, _context: Context, _trace: Trace) -> dict:
    """@req DRV-17"""
    random = os.urandom(xeddsa.RANDOM_BYTES) if args["random"] is None else args["random"]
    private = read_private(args["private"], "private")
    return {"signature": xeddsa.sign(private, args["message"], random).hex()}


def _verify(args: dict, _context: Context, _trace: Trace) -> dict:
    public = read_public(args["public"], "public")
    return {"valid": xeddsa.verify(public, args["message"], args["signature"])}


def _hkdf(args: dict, _context: Context, trace: Trace) -> dict:
    """@req DRV-32"""
    prk = kdf.extract(args["ikm"], args["salt"])
    trace.note("hkdf.prk", prk)
    return {"okm": kdf.expand(prk, args["info"], args["length"]).hex()}


def _chain_step(args: dict, _context: Context, trace: Trace) -> dict:
    """@req DRV-32"""
    chain_key = args["chainKey"]
    for _ in range(args["index"]):
        chain_key = chains.next_chain_key(chain_key)
    following, seed = chains.take(chain_key, trace)
    keys = chains.message_keys(seed, args["pqKey"], trace)
    return {"nextChainKey": following.hex(), "seed": seed.hex(), **written_keys(keys)}


def _fingerprint(args: dict, _context: Context, _trace: Trace) -> dict:
    for field in ("localIdentity", "remoteIdentity"):
        read_public(args[field], field)
    ours = fingerprint.digest(args["localId"], args["localIdentity"], args["iterations"])
    theirs = fingerprint.digest(args["remoteId"], args["remoteIdentity"], args["iterations"])
    return {
        "displayable": fingerprint.displayable(ours, theirs),
        "scannable": fingerprint.scannable(args["version"], ours, theirs).hex(),
    }


OPERATIONS = {
    "x25519.public": Operation({"private": octets()}, _public),
    "x25519.shared": Operation({"private": octets(), "public": octets()}, _shared),
    "xeddsa.sign": Operation(
        {"private": octets(), "message": octets(), "random": Omittable(octets(xeddsa.RANDOM_BYTES))}, _sign
    ),
    "xeddsa.verify": Operation({"public": octets(), "message": octets(), "signature": octets()}, _verify),
    "hkdf": Operation(
        {
            "ikm": octets(),
            "salt": Omittable(octets(), b""),
            "info": octets(),
            "length": number(1, kdf.MAX_OUTPUT_BYTES),
        },
        _hkdf,
    ),
    "chain.step": Operation(
        {
            "chainKey": octets(chains.KEY_BYTES),
            "index": Omittable(number(0, MAX_FORWARD_JUMPS), 0),
            "pqKey": Omittable(octets(chains.KEY_BYTES), b""),
        },
        _chain_step,
    ),
    # @req FPR-02
    "fingerprint": Operation(
        {
            "localId": octets(),
            "localIdentity": octets(),
            "remoteId": octets(),
            "remoteIdentity": octets(),
            "iterations": Omittable(number(2, 1_000_000), 5200),
            "version": Omittable(number(1, 2), 2),
        },
        _fingerprint,
    ),
}
