/**
 * Mutants of message formats and their MAC.
 *
 * @spec 14-vectors §7
 * Owns: their changes. Must not know: how they are run.
 */
import type { Mutant } from './mutant.ts';

const MAC = 'protocol/session/message-crypto.ts';
const MESSAGE = 'protocol/codec/signal-message.ts';
const PREKEY_MESSAGE = 'protocol/codec/prekey-message.ts';
const COVERED = 'encodePublicKey(identities.sender), encodePublicKey(identities.receiver), authenticated';

export const MESSAGE_MUTANTS: readonly Mutant[] = [
  {
    name: 'mac-of-the-wrong-end',
    wrong: 'keeps the last 8 bytes of the HMAC instead of the first',
    origin: 'RAT-13',
    family: 'messages',
    changes: [{ file: MAC, text: '.subarray(0, MAC_BYTES)', becomes: '.subarray(-MAC_BYTES)' }],
  },
  {
    name: 'mac-not-truncated',
    wrong: 'sends all 32 bytes of the HMAC',
    origin: 'RAT-13',
    family: 'messages',
    changes: [{ file: MAC, text: '.subarray(0, MAC_BYTES)', becomes: '' }],
  },
  {
    name: 'mac-identities-swapped',
    wrong: 'puts the receiver’s identity key before the sender’s under the MAC',
    origin: 'PQX-05',
    family: 'messages',
    changes: [
      {
        file: MAC,
        text: COVERED,
        becomes: 'encodePublicKey(identities.receiver), encodePublicKey(identities.sender), authenticated',
      },
    ],
  },
  {
    name: 'mac-without-version',
    wrong: 'leaves the version byte out of the MAC',
    origin: 'RAT-03',
    family: 'messages',
    changes: [
      {
        file: MAC,
        text: COVERED,
        becomes: 'encodePublicKey(identities.sender), encodePublicKey(identities.receiver), authenticated.subarray(1)',
      },
    ],
  },
  {
    name: 'prekey-id-of-16-bits',
    wrong: 'keeps the low 16 bits of the signed prekey’s id',
    origin: 'PQX-11',
    family: 'messages',
    changes: [
      {
        file: PREKEY_MESSAGE,
        text: "raw.signedPreKeyId = reader.uint32('signedPreKeyId');",
        becomes: "raw.signedPreKeyId = reader.uint32('signedPreKeyId') & 0xffff;",
      },
    ],
  },
  {
    name: 'first-field-wins',
    wrong: 'takes the first of two fields of one number, where protobuf takes the last',
    origin: 'PAR-01',
    family: 'messages',
    changes: [
      {
        file: MESSAGE,
        text: "counter = reader.uint32('counter');",
        becomes: `{
      const read = reader.uint32('counter');
      if (counter === null) counter = read;
    }`,
      },
    ],
  },
  {
    name: 'later-version-accepted',
    wrong: 'reads a message of a version that it does not know',
    origin: 'RAT-03',
    family: 'messages',
    changes: [{ file: MESSAGE, text: 'if (version > NEWEST_VERSION)', becomes: 'if (version > 15)' }],
  },
  {
    name: 'kem-fields-optional',
    wrong: 'reads a prekey message of version 4 from which the KEM’s fields were stripped',
    origin: 'PQX-07',
    family: 'messages',
    changes: [{ file: PREKEY_MESSAGE, text: 'version >= FIRST_KEM_VERSION || ', becomes: '' }],
  },
];
