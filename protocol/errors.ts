/**
 * The one error of the protocol.
 *
 * @spec 00-conventions §5
 * Owns: the code and stage vocabularies, the shape of a refusal.
 * Must not know: keys, plaintexts, peer bytes. `reason` is a fixed slug, never built from input (CNV-04).
 */

/** What went wrong, in the vocabulary that every driver and every peer of this project shares. */
export type ErrorCode =
  | 'InvalidArgument'
  | 'UnsupportedOperation'
  | 'UnsupportedVersion'
  | 'InvalidKey'
  | 'InvalidSignature'
  | 'InvalidMessage'
  | 'DuplicateMessage'
  | 'NoSession'
  | 'UntrustedIdentity'
  | 'InvalidState'
  | 'NotAllowed';

/** Where it went wrong: the step of processing that refused. */
export type ErrorStage = 'parse' | 'verify' | 'agree' | 'derive' | 'decrypt' | 'state' | 'policy';

/**
 * A refusal. Whoever catches it may rely on nothing having changed (CNV-05).
 *
 * `code` is coarse and stable across implementations; `reason` is a unique lower-case slug that names the check
 * (`spec/` lists them); `field` names the offending input where one exists. Carries no secret and no peer bytes.
 */
export class ProtocolError extends Error {
  readonly code: ErrorCode;
  readonly stage: ErrorStage;
  readonly reason: string;
  readonly field: string | undefined;

  constructor(code: ErrorCode, stage: ErrorStage, reason: string, field?: string) {
    super(field === undefined ? `${code} (${stage}): ${reason}` : `${code} (${stage}): ${reason} [${field}]`);
    this.name = 'ProtocolError';
    this.code = code;
    this.stage = stage;
    this.reason = reason;
    this.field = field;
  }

  /** The refusal as plain data, for logs and drivers. */
  toJSON(): { code: ErrorCode; stage: ErrorStage; reason: string; field?: string } {
    const base = { code: this.code, stage: this.stage, reason: this.reason };
    return this.field === undefined ? base : { ...base, field: this.field };
  }
}

/** True for a {@link ProtocolError}, optionally of one code. */
export function isProtocolError(error: unknown, code?: ErrorCode): error is ProtocolError {
  return error instanceof ProtocolError && (code === undefined || error.code === code);
}
