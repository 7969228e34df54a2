/**
 * Work in order.
 *
 * @spec 07-devices §5
 * Owns: one line per key: what is asked for later starts after what was asked for earlier has ended.
 * Must not know: what is done.
 */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs `work` after everything asked for under `key` before; resolves or rejects as it does. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const result = before.then(work, work);
    const tail = result
      .catch(() => undefined)
      .then(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    this.#tails.set(key, tail);
    return result;
  }

  /** Waits for everything asked for so far. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }
}
