/**
 * The messages that are Protocol Buffers, as lists of fields.
 *
 * @spec 04-messages §4, §5, §8
 * Owns: one good message of each type, field by field. Must not know: what can be wrong with it.
 */
import { fixedHex } from './definition.ts';
import { pair } from './parties.ts';
import { bytesField, numberField } from './protobuf.ts';

/** What a field of bytes holds. */
type Content = 'key' | 'bytes';

/** One field. A number is its value, bytes are hex. */
export interface Field {
  readonly number: number;
  readonly name: string;
  readonly value: string | number;
  readonly required: boolean;
  readonly content?: Content;
  /** The only length that its bytes may have. */
  readonly length?: number;
}

/** A message: what stands in front of its fields, and behind them. */
export interface Layout {
  /** Of `message.parse`. */
  readonly type: string;
  /** In comments and checks. */
  readonly name: string;
  readonly head: string;
  readonly fields: readonly Field[];
  readonly tail: string;
  /** Outside the fields: what a PlaintextContent wraps around them. */
  readonly wrap?: (fields: string) => string;
  /** What asks for its fields. */
  readonly req: readonly string[];
  /** Whether libsignal drops what stands behind the 33 bytes of a key. */
  readonly dropsTrailing: boolean;
  /** Whether it is spoilt in every way there is, or in the usual ones. */
  readonly thorough: boolean;
}

const key = (name: string) => pair(`messages, ${name}`).public;

const DISTRIBUTION_ID = '6f1d2c3b4a59687780919fa0b1c2d3e4';

/** A SignalMessage of version 4. */
export const signalMessage: Layout = {
  type: 'message',
  name: 'SignalMessage',
  head: '44',
  fields: [
    { number: 1, name: 'ratchet key', value: key('ratchet'), required: true, content: 'key' },
    { number: 2, name: 'counter', value: 7, required: true },
    { number: 3, name: 'previous counter', value: 3, required: false },
    { number: 4, name: 'ciphertext', value: fixedHex('messages, ciphertext', 16), required: true, content: 'bytes' },
    { number: 5, name: 'PQ ratchet payload', value: '01010100', required: false, content: 'bytes' },
    { number: 6, name: 'addresses', value: fixedHex('messages, addresses', 36), required: false, content: 'bytes' },
  ],
  tail: fixedHex('messages, mac', 8),
  req: ['MSG-13', 'MSG-14'],
  dropsTrailing: true,
  thorough: true,
};

/** The fields of a message, in order. */
export function fieldsOf(fields: readonly Field[]): string {
  return fields
    .map(({ number, value }) => (typeof value === 'string' ? bytesField(number, value) : numberField(number, value)))
    .join('');
}

/** A message with these encoded fields in place of its own. */
export function encoded({ head, tail, wrap }: Layout, fields: string): string {
  return head + (wrap === undefined ? fields : wrap(fields)) + tail;
}

/** A PreKeySignalMessage of version 4, with a whole SignalMessage in it. The KEM's ciphertext is short: its length is the suite's to check. */
export const preKeySignalMessage: Layout = {
  type: 'prekey',
  name: 'PreKeySignalMessage',
  head: '44',
  fields: [
    { number: 1, name: 'one-time prekey id', value: 23, required: false },
    { number: 2, name: 'base key', value: key('base'), required: true, content: 'key' },
    { number: 3, name: 'identity key', value: key('identity'), required: true, content: 'key' },
    {
      number: 4,
      name: 'message',
      value: encoded(signalMessage, fieldsOf(signalMessage.fields.filter(({ required }) => required))),
      required: true,
      content: 'bytes',
    },
    { number: 5, name: 'registration id', value: 17, required: false },
    { number: 6, name: 'signed prekey id', value: 29, required: true },
    { number: 7, name: 'KEM prekey id', value: 31, required: true },
    {
      number: 8,
      name: 'KEM ciphertext',
      value: `08${fixedHex('messages, KEM', 8)}`,
      required: true,
      content: 'bytes',
    },
  ],
  tail: '',
  req: ['MSG-13', 'MSG-16'],
  dropsTrailing: true,
  thorough: false,
};

/** A SenderKeyMessage. */
export const senderKeyMessage: Layout = {
  type: 'sender-key',
  name: 'SenderKeyMessage',
  head: '33',
  fields: [
    { number: 1, name: 'distribution id', value: DISTRIBUTION_ID, required: true, content: 'bytes', length: 16 },
    { number: 2, name: 'chain id', value: 0x12345, required: true },
    { number: 3, name: 'iteration', value: 300, required: true },
    { number: 4, name: 'ciphertext', value: fixedHex('messages, group', 16), required: true, content: 'bytes' },
  ],
  tail: fixedHex('messages, signature', 64),
  req: ['SKY-02'],
  dropsTrailing: true,
  thorough: false,
};

/** A SenderKeyDistributionMessage. */
export const distributionMessage: Layout = {
  type: 'distribution',
  name: 'SenderKeyDistributionMessage',
  head: '33',
  fields: [
    { number: 1, name: 'distribution id', value: DISTRIBUTION_ID, required: true, content: 'bytes', length: 16 },
    { number: 2, name: 'chain id', value: 0x12345, required: true },
    { number: 3, name: 'iteration', value: 300, required: true },
    { number: 4, name: 'chain key', value: fixedHex('messages, chain'), required: true, content: 'bytes', length: 32 },
    { number: 5, name: 'signing key', value: key('signing'), required: true, content: 'key' },
  ],
  tail: '',
  req: ['SKY-02'],
  // The one key that libsignal takes in 33 bytes alone.
  dropsTrailing: false,
  thorough: false,
};

const ERROR_FIELDS: readonly Field[] = [
  { number: 1, name: 'ratchet key', value: key('failed'), required: false, content: 'key' },
  { number: 2, name: 'time', value: 1_790_000_000_123, required: true },
  { number: 3, name: 'device', value: 2, required: false },
];

/** A DecryptionErrorMessage. */
export const decryptionError: Layout = {
  type: 'decryption-error',
  name: 'DecryptionErrorMessage',
  head: '',
  fields: ERROR_FIELDS,
  tail: '',
  req: ['MSG-28'],
  dropsTrailing: true,
  thorough: false,
};

/** The same inside a PlaintextContent. */
export const plaintextContent: Layout = {
  type: 'plaintext',
  name: 'PlaintextContent',
  head: 'c0',
  fields: ERROR_FIELDS,
  tail: '80',
  wrap: (fields) => bytesField(8, fields),
  req: ['MSG-28', 'MSG-30'],
  dropsTrailing: true,
  thorough: false,
};

/** All of them. */
export const LAYOUTS: readonly Layout[] = [
  signalMessage,
  preKeySignalMessage,
  senderKeyMessage,
  distributionMessage,
  decryptionError,
  plaintextContent,
];
