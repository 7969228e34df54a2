/**
 * The library's errors in the driver protocol's words.
 *
 * @spec 12-interop §2
 * Owns: the codes. Must not know: operations. What the library says is passed on, so that a reader can judge for himself.
 */

/** A request that the driver itself refuses, or a failure translated. */
export class DriverFailure extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** By the library's own error names and numbers. */
const BY_CODE: ReadonlyMap<unknown, string> = new Map([
  [1, 'DuplicateMessage'],
  [3, 'UntrustedIdentity'],
  [5, 'InvalidArgument'],
]);

/** By what the message says; the first that fits. */
const BY_TEXT: readonly (readonly [RegExp, string])[] = [
  [/session with .* not found|no session|session not found/i, 'NoSession'],
  [/old counter|duplicate/i, 'DuplicateMessage'],
  [/untrusted identity/i, 'UntrustedIdentity'],
  [/signature/i, 'InvalidSignature'],
  [/X3DH no longer supported|version/i, 'UnsupportedVersion'],
  [/bad key|key type|key length|key agreement|invalid key/i, 'InvalidKey'],
  [/missing sender key state/i, 'NoSession'],
  [/fingerprint iterations|cannot convert/i, 'InvalidArgument'],
  // Its answer to whoever would send with a key of somebody else's.
  [/invalid sender key session/i, 'NotAllowed'],
];

/** What went wrong, as a code and the library's own text. */
export function translate(error: unknown): DriverFailure {
  if (error instanceof DriverFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  const byCode = BY_CODE.get((error as { code?: unknown }).code);
  const byText = BY_TEXT.find(([pattern]) => pattern.test(message))?.[1];
  const fallback = error instanceof TypeError || error instanceof SyntaxError ? 'InvalidArgument' : 'InvalidMessage';
  return new DriverFailure(byCode ?? byText ?? fallback, message);
}
