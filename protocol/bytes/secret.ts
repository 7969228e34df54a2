/**
 * Secret bytes that do not print.
 *
 * @spec 00-conventions §6
 * Owns: redaction (CNV-06), the one way to open a secret and the one way to wipe it.
 * Must not know: what the bytes are for. Who wipes a secret, and when, is said in the header of each module that holds one.
 */

const REDACTED = '[secret]';

/**
 * Bytes that must never reach a log, an error or a snapshot. `Role` is a phantom name (`'RootKey'`, `'ChainKey'`, …)
 * that keeps one role from being passed for another.
 *
 * `expose()` is the only way to read the bytes and `wipe()` the only way to erase them, so both can be found with grep.
 */
export class Secret<Role extends string = string> {
  declare readonly role: Role;
  readonly #bytes: Uint8Array;
  #wiped = false;

  /** Takes ownership of `bytes`: the caller must not keep or change them. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Length in bytes; safe to print. */
  get length(): number {
    return this.#bytes.length;
  }

  /** True once {@link wipe} has run. */
  get wiped(): boolean {
    return this.#wiped;
  }

  /**
   * The bytes themselves, not a copy. Do not keep the reference beyond the current call.
   * @throws {TypeError} after `wipe()`: using an erased key is a programming error, never an input error.
   */
  expose(): Uint8Array {
    if (this.#wiped) throw new TypeError('secret was wiped');
    return this.#bytes;
  }

  /** Overwrites the bytes with zeros. Idempotent. */
  wipe(): void {
    this.#bytes.fill(0);
    this.#wiped = true;
  }

  /** An independent secret with the same bytes. */
  clone(): Secret<Role> {
    return new Secret<Role>(this.expose().slice());
  }

  /** `[secret]`. */
  toString(): string {
    return REDACTED;
  }

  /** `[secret]`. */
  toJSON(): string {
    return REDACTED;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }
}

/** Anything that can be wiped: what a step reports as spent. */
export interface Wipeable {
  /** Overwrites with zeros. Idempotent. */
  wipe(): void;
}

/** Wipes every secret of a list. */
export function wipeAll(secrets: Iterable<Wipeable>): void {
  for (const secret of secrets) secret.wipe();
}
