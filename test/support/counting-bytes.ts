import { equalBytes } from '../../protocol/bytes/bytes.ts';

/** Runs `equalBytes` on a view that counts how many of its bytes were read. */
export function compareCounting(a: Uint8Array, b: Uint8Array): { equal: boolean; reads: number } {
  let reads = 0;
  const watched = new Proxy(a, {
    get(target, property) {
      if (typeof property === 'string' && /^\d+$/.test(property)) reads += 1;
      const value: unknown = Reflect.get(target, property, target);
      return value;
    },
  });
  return { equal: equalBytes(watched, b), reads };
}
