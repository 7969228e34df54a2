"""The twisted Edwards curve of Ed25519, in plain integers.

What a computation takes depends on its secrets: this is arithmetic for tests, with no defence against a clock.

@spec 01-keys §5
Owns: points, their encoding, the map from X25519's coordinate. Must not know: signatures.
"""

from keys import P

D = -121665 * pow(121666, -1, P) % P
SQRT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

# Extended coordinates (RFC 8032 §5.1.4): x = X/Z, y = Y/Z, xy = T/Z.
Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


def add(p: Point, q: Point) -> Point:
    """The sum; the formula is complete, so that p may equal q."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def negate(p: Point) -> Point:
    """-p."""
    return (-p[0] % P, p[1], p[2], -p[3] % P)


def multiply(scalar: int, p: Point) -> Point:
    """scalar · p, by doubling and adding."""
    result = NEUTRAL
    for bit in bin(scalar)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, p)
    return result


def has_small_order(p: Point) -> bool:
    """Whether the cofactor, 8, takes the point away."""
    q = multiply(8, p)
    return q[0] == 0 and q[1] == q[2]


def compress(p: Point) -> bytes:
    """y, with the lowest bit of x on top."""
    inverse = pow(p[2], -1, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def with_y(y: int, sign: int) -> Point | None:
    """The point of this y whose x has this lowest bit (RFC 8032 §5.1.3), or None where there is none."""
    numerator, denominator = (y * y - 1) % P, (D * y * y + 1) % P
    # The candidate is right, or off by a root of -1, or there is no root.
    x = numerator * pow(denominator, 3, P) * pow(numerator * pow(denominator, 7, P), (P - 5) // 8, P) % P
    if (denominator * x * x - numerator) % P != 0:
        x = x * SQRT_OF_MINUS_ONE % P
    if (denominator * x * x - numerator) % P != 0 or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def from_montgomery(u: int, sign: int) -> Point | None:
    """The point under u, by y = (u − 1)/(u + 1), with the sign given; None where there is none."""
    if (u + 1) % P == 0:
        return None
    return with_y((u - 1) * pow(u + 1, -1, P) % P, sign)


_BASE = with_y(4 * pow(5, -1, P) % P, 0)
if _BASE is None:
    raise ArithmeticError("the base point is not on the curve")
BASE: Point = _BASE
