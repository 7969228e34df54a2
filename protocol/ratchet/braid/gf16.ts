/**
 * GF(2^16): the field of the erasure code.
 *
 * @spec 08-braid §4
 * Owns: products and inverses, by logarithm tables. Must not know: chunks.
 * The data is public (payloads travel in clear), so table look-ups leak nothing.
 */

/** x^16 + x^12 + x^3 + x + 1, primitive: 2 generates the group. */
const POLYNOMIAL = 0x1100b;
const ORDER = 0xffff;

const { exp, log } = (() => {
  const powers = new Uint16Array(2 * ORDER);
  const logarithms = new Uint16Array(ORDER + 1);
  let value = 1;
  for (let i = 0; i < ORDER; i++) {
    powers[i] = value;
    powers[i + ORDER] = value;
    logarithms[value] = i;
    value <<= 1;
    if (value > ORDER) value ^= POLYNOMIAL;
  }
  return { exp: powers, log: logarithms };
})();

/** The product of two elements. */
export function multiply(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  return exp[(log[a] as number) + (log[b] as number)] as number;
}

/** The inverse of an element that is not 0. */
export function invert(a: number): number {
  if (a === 0) throw new TypeError('0 has no inverse');
  return exp[ORDER - (log[a] as number)] as number;
}
