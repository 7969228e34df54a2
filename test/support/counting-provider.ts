/**
 * Providers that count what is asked of them, or answer otherwise.
 *
 * @spec 03-ratchet §6
 * Owns: an independent measure of the work that the budget promises to bound. Must not know: budgets.
 */
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';

/** Calls by method name. */
export type Calls = Record<string, number>;

/** `provider` with some methods replaced; unlike a spread it also works where methods sit on a prototype. */
export function overriding(provider: CryptoProvider, methods: Partial<CryptoProvider>): CryptoProvider {
  return new Proxy({} as CryptoProvider, {
    get(_, name) {
      const owner = Reflect.has(methods, name) ? methods : provider;
      const member: unknown = Reflect.get(owner, name, owner);
      return typeof member === 'function' ? member.bind(owner) : member;
    },
  });
}

/** `provider`, and a live count of the calls of each method. */
export function countingProvider(provider: CryptoProvider): { provider: CryptoProvider; calls: Calls } {
  const calls: Calls = {};
  const counting = new Proxy({} as CryptoProvider, {
    get(_, name) {
      const member: unknown = Reflect.get(provider, name, provider);
      if (typeof member !== 'function') return member;
      return (...args: readonly unknown[]): unknown => {
        calls[String(name)] = (calls[String(name)] ?? 0) + 1;
        return Reflect.apply(member, provider, args);
      };
    },
  });
  return { provider: counting, calls };
}
