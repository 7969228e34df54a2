/**
 * Protocol Buffers, well formed or not, as hex.
 *
 * @spec 04-messages §1
 * Owns: varints of any length, tags, fields of every wire type. Must not know: messages. Writes what our own writer never would.
 */

export const VARINT = 0;
export const FIXED_64 = 1;
export const BYTES = 2;
export const START_GROUP = 3;
export const END_GROUP = 4;
export const FIXED_32 = 5;

const hexOf = (bytes: readonly number[]) => Buffer.from(bytes).toString('hex');

/** A varint; `length` pads it with groups of zeros that say nothing. */
export function varint(value: number | bigint, length = 1): string {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    bytes.push(Number(rest & 0x7fn));
    rest >>= 7n;
  } while (rest > 0n || bytes.length < length);
  return hexOf(bytes.map((byte, i) => (i < bytes.length - 1 ? byte | 0x80 : byte)));
}

/** The tag of a field. */
export function tag(field: number, wireType: number): string {
  return varint(BigInt(field) * 8n + BigInt(wireType));
}

/** A field of bytes; `length` is a varint in place of the true one. */
export function bytesField(field: number, value: string, length = varint(value.length / 2)): string {
  return tag(field, BYTES) + length + value;
}

/** A field of a number, given as a number or as a varint. */
export function numberField(field: number, value: number | bigint | string): string {
  return tag(field, VARINT) + (typeof value === 'string' ? value : varint(value));
}

/** A group with something in it. */
export function group(field: number, content: string): string {
  return tag(field, START_GROUP) + content + tag(field, END_GROUP);
}

/** Groups inside each other, so many. */
export function nested(field: number, depth: number): string {
  return tag(field, START_GROUP).repeat(depth) + tag(field, END_GROUP).repeat(depth);
}
