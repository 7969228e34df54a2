/**
 * The only globals that `protocol/` may use beyond the language itself: both come with every browser and runtime and
 * have no effect. `tsconfig.protocol.json` compiles `protocol/` against these alone.
 */
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array): string;
}
