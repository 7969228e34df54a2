/**
 * The witness: how far a device has got, remembered apart from its store.
 *
 * @spec 07-devices §7
 * Owns: the interface and the witness in memory.
 * Must not know: the store. A store that says less than its witness was restored from an older copy (STATE-05).
 */

/** A number that only grows. */
export interface Witness {
  /** The highest generation ever witnessed; 0 before the first. */
  read(): Promise<number>;
  /**
   * Remembers `generation`, durably when the promise resolves; a lower one than remembered changes nothing.
   * @throws {ProtocolError} `InvalidState`/`witness-failed`.
   */
  advance(generation: number): Promise<void>;
  /** Ends its use. */
  close(): Promise<void>;
}

/** A witness that lives as long as its object: for tests, and for devices whose store lives no longer either. */
export function memoryWitness(start = 0): Witness {
  let highest = start;
  return {
    read: async () => highest,
    advance: async (generation) => {
      highest = Math.max(highest, generation);
    },
    close: async () => undefined,
  };
}
