/**
 * Encryption and authentication of one message under its message keys.
 *
 * @spec 05-sessions §4
 * Owns: MAC input and comparison, the address check, one answer to every kind of forgery.
 * Must not know: which session a message belongs to. Message keys are wiped here.
 */
import { concat, equalBytes } from '../bytes/bytes.ts';
import { wipeAll } from '../bytes/secret.ts';
import type { ProtocolAddress } from '../codec/address.ts';
import { encodeAddresses } from '../codec/address.ts';
import { encodePublicKey } from '../codec/keys.ts';
import type { ParsedSignalMessage } from '../codec/signal-message.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import type { MessageKeys } from '../ratchet/symmetric.ts';

/** Bytes of the truncated HMAC behind every message. */
const MAC_BYTES = 8;

/** The two identity keys (raw) in the order in which the MAC reads them. */
export interface MacIdentities {
  readonly sender: Uint8Array;
  readonly receiver: Uint8Array;
}

/** The one refusal of a message that is not authentic or not well-formed inside. */
export function decryptionFailed(): ProtocolError {
  return new ProtocolError('InvalidMessage', 'decrypt', 'decryption-failed');
}

/** HMAC over sender identity ‖ receiver identity ‖ version byte ‖ protobuf, first 8 bytes (SES-09). */
export function messageMac(
  provider: CryptoProvider,
  keys: Pick<MessageKeys, 'macKey'>,
  identities: MacIdentities,
  authenticated: Uint8Array,
): Uint8Array {
  // @req SES-09
  const input = concat(encodePublicKey(identities.sender), encodePublicKey(identities.receiver), authenticated);
  return provider.hmacSha256(keys.macKey.expose(), input).subarray(0, MAC_BYTES);
}

/** Wipes the keys of one message. */
export function wipeMessageKeys(keys: MessageKeys): void {
  wipeAll([keys.cipherKey, keys.macKey, keys.iv]);
}

/**
 * Checks MAC and addresses in one verdict, then decrypts. Wipes `keys` in every case.
 * @throws {ProtocolError} `InvalidMessage`/`decryption-failed`, the same for every cause (SES-10).
 */
export function openMessage(
  provider: CryptoProvider,
  keys: MessageKeys,
  identities: MacIdentities,
  message: ParsedSignalMessage,
  remote: ProtocolAddress,
  local: ProtocolAddress,
): Uint8Array {
  try {
    const mac = messageMac(provider, keys, identities, message.authenticated);
    // @req SES-10
    if (!equalBytes(mac, message.mac) || !addressesMatch(message, remote, local)) throw decryptionFailed();
    return decryptBody(provider, keys, message.ciphertext);
  } finally {
    wipeMessageKeys(keys);
  }
}

function decryptBody(provider: CryptoProvider, keys: MessageKeys, ciphertext: Uint8Array): Uint8Array {
  try {
    return provider.aes256CbcDecrypt(keys.cipherKey.expose(), keys.iv.expose(), ciphertext);
  } catch (error) {
    if (error instanceof ProtocolError) throw decryptionFailed();
    throw error;
  }
}

function addressesMatch(message: ParsedSignalMessage, sender: ProtocolAddress, recipient: ProtocolAddress): boolean {
  if (message.addresses === null) return true;
  const expected = encodeAddresses(sender, recipient);
  return expected !== null && equalBytes(expected, message.addresses);
}
