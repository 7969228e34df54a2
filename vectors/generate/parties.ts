/**
 * Keys of people who do not exist, and what they sign.
 *
 * @spec 14-vectors §2
 * Owns: key pairs and good signatures that anybody can make again. Must not know: operations.
 */
import { nobleProvider as provider } from '../../protocol/crypto/noble.ts';
import { wire } from '../../test/support/points.ts';
import { fixed, hex } from './definition.ts';

/** An X25519 pair; texts are hex, the public one in wire form. */
export interface Pair {
  readonly u: Uint8Array;
  readonly public: string;
  readonly private: string;
}

/** The pair of 32 bytes, clamped. */
export function pairOf(bytes: Uint8Array): Pair {
  const { publicKey, privateKey } = provider.x25519FromPrivate(bytes);
  return { u: publicKey, public: hex(wire(publicKey)), private: hex(privateKey.expose()) };
}

/** The pair of a name. */
export function pair(name: string): Pair {
  return pairOf(fixed(name));
}

/** XEdDSA over some bytes; what it draws is fixed by the name of what is signed. */
export function sign(signer: Pair, message: string, name: string): string {
  const { privateKey } = provider.x25519FromPrivate(Buffer.from(signer.private, 'hex'));
  return hex(provider.xeddsaSign(privateKey, Buffer.from(message, 'hex'), () => fixed(`${name}, signature`, 64)));
}
