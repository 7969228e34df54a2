/**
 * The offer with which a new device asks to be linked.
 *
 * @spec 07-devices §2
 * Owns: its one encoding. Must not know: how it travels: it holds public keys alone, but whoever can replace it on its way
 * gets a device of his own linked, so it must be shown and read, not sent.
 */
import { fromUtf8, utf8 } from '../protocol/bytes/bytes.ts';
import { decodePublicKey, encodePublicKey } from '../protocol/codec/keys.ts';
import type { ManifestDevice } from '../protocol/codec/manifest.ts';
import { copyMessage, ProtobufReader, ProtobufWriter, required } from '../protocol/codec/protobuf.ts';
import { EC_KEY_BYTES } from '../protocol/crypto/provider.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { MAX_REGISTRATION_ID } from '../protocol/limits.ts';

/** What a device says of itself before it has an account. */
export type LinkOffer = Omit<ManifestDevice, 'deviceId'>;

/** Identity key 33 bytes, auth key 32 bytes, registration id, name. */
export function encodeOffer(offer: LinkOffer): Uint8Array {
  const writer = new ProtobufWriter().bytes(1, encodePublicKey(offer.identityKey)).bytes(2, offer.authKey);
  return writer.uint32(3, offer.registrationId).bytes(4, utf8(offer.name)).finish();
}

/**
 * Reads an offer, strictly.
 * @throws {ProtocolError} `InvalidMessage` or `InvalidKey`; the name is judged with the manifest that will hold it.
 */
export function decodeOffer(input: Uint8Array): LinkOffer {
  const reader = new ProtobufReader(copyMessage(input, 'offer'), 'offer', { strict: true });
  let identityKey: Uint8Array | null = null;
  let authKey: Uint8Array | null = null;
  let registrationId: number | null = null;
  let name: Uint8Array | null = null;
  while (reader.next()) {
    if (reader.field === 1) identityKey = reader.bytes('identityKey');
    else if (reader.field === 2) authKey = reader.bytes('authKey');
    else if (reader.field === 3) registrationId = reader.uint32('registrationId');
    else if (reader.field === 4) name = reader.bytes('name');
    else reader.skip();
  }
  const offer: LinkOffer = {
    identityKey: decodePublicKey(required(identityKey, 'identityKey'), 'identityKey'),
    authKey: required(authKey, 'authKey').slice(),
    registrationId: required(registrationId, 'registrationId'),
    name: fromUtf8(required(name, 'name'), 'name'),
  };
  const refuse = (reason: string, field: string) => new ProtocolError('InvalidMessage', 'parse', reason, field);
  if (offer.authKey.length !== EC_KEY_BYTES) throw refuse('bad-length', 'authKey');
  if (offer.registrationId < 1 || offer.registrationId > MAX_REGISTRATION_ID) {
    throw refuse('bad-registration-id', 'registrationId');
  }
  return offer;
}
