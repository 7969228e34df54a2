/**
 * Vectors of the braid's authenticator and epoch secrets.
 *
 * @spec 08-braid §5
 * Owns: their tests. Must not know: chunks, states.
 */
import type { CallDefinition, Family, SequenceDefinition, StepDefinition } from '../definition.ts';
import { change, fixedHex } from '../definition.ts';
import { lengthFlaws } from '../flaws.ts';
import { STORED_SHORT } from './kem-material.ts';

/** Epochs at which the eight bytes of be64 differ, up to the last one that every language counts exactly. */
const EPOCHS = [1, 2, 255, 256, 65_536, 4_294_967_295, 4_294_967_296, Number.MAX_SAFE_INTEGER];
const HEADER = 64;
const CIPHERTEXT = 1_088;

/** Bytes that count up. */
const seq = (first: number, length = 32) =>
  Array.from({ length }, (_, i) => ((first + i) & 0xff).toString(16).padStart(2, '0')).join('');

/** One call for each flaw of one field. */
function badField(
  op: string,
  args: CallDefinition['args'],
  field: string,
  req: string,
  against = STORED_SHORT,
): CallDefinition[] {
  return lengthFlaws(String(args[field]), 'bad-length', against).map(({ name, value, ...refused }) => ({
    comment: `${field} ${name}`,
    req: [req],
    args: change(args, { [field]: value }),
    refused: { ...refused, check: `${op} ${field} ${name}` },
  }));
}

function epochZero(op: string, args: CallDefinition['args'], req: string): CallDefinition {
  return {
    comment: 'epoch 0, which there is none of',
    req: [req],
    args: change(args, { epoch: 0 }),
    refused: { reason: 'not-in-range', check: `${op} epoch 0`, against: 'RAT-05' },
  };
}

const shared = { shared: fixedHex('spqr shared'), epoch: 1 };

const secrets: CallDefinition[] = [
  ...EPOCHS.map((epoch) => ({
    comment: `secret of epoch ${epoch}`,
    req: ['BRD-10'],
    args: { shared: fixedHex(`spqr shared ${epoch}`), epoch },
    trace: true,
  })),
  {
    comment: 'the secret of epoch 1 that libsignal was seen to come to',
    req: ['BRD-10'],
    flags: ['Deployed'],
    args: { shared: '9cddd089ffe70e3996e76f7c8d06746df34d07e8657bc0fcf2bb0e1c3084aea1', epoch: 1 },
    trace: true,
  },
  ...badField('spqr.secret', shared, 'shared', 'BRD-10'),
  epochZero('spqr.secret', shared, 'BRD-10'),
];

const updated = { rootKey: fixedHex('spqr root'), epoch: 2, secret: fixedHex('spqr secret') };

const updates: CallDefinition[] = [
  {
    comment: 'the first one: no root key, epoch 1, the handshake’s key',
    req: ['BRD-09'],
    flags: ['First', 'Deployed'],
    args: { epoch: 1, secret: seq(0) },
    trace: true,
  },
  {
    comment: 'no root key is a root key of zeros',
    req: ['BRD-09'],
    flags: ['First'],
    args: { rootKey: '00'.repeat(32), epoch: 1, secret: seq(0) },
    trace: true,
  },
  {
    comment: 'the second one: epoch 1 again, with its secret',
    req: ['BRD-09'],
    flags: ['Deployed'],
    args: {
      rootKey: 'eae875be1b0c8ce16b6c7b67a9d4b49f476d93eaf152676b82bd4a1993211a05',
      epoch: 1,
      secret: '421d4c7f616e305d86f52daf9935cd2a5c1031f0ad568e197137b7d41961eb42',
    },
    trace: true,
  },
  ...EPOCHS.map((epoch) => ({
    comment: `epoch ${epoch}`,
    req: ['BRD-09'],
    args: { rootKey: fixedHex(`spqr root ${epoch}`), epoch, secret: fixedHex(`spqr secret ${epoch}`) },
    trace: true,
  })),
  ...badField('spqr.auth.update', updated, 'rootKey', 'BRD-09'),
  ...badField('spqr.auth.update', updated, 'secret', 'BRD-09'),
  epochZero('spqr.auth.update', updated, 'BRD-09'),
];

const header = { macKey: fixedHex('spqr mac key'), epoch: 1, kind: 'header', message: fixedHex('header', HEADER) };
const ciphertext = { ...header, kind: 'ciphertext', message: fixedHex('ciphertext', CIPHERTEXT) };

const macs: CallDefinition[] = [
  ...EPOCHS.map((epoch) => ({
    comment: `header of epoch ${epoch}`,
    req: ['BRD-11'],
    args: { ...header, epoch, message: fixedHex(`header ${epoch}`, HEADER) },
    trace: true,
  })),
  ...[1, 2, 4_294_967_296].map((epoch, i) => ({
    comment: `ciphertext of epoch ${epoch}`,
    req: ['BRD-11'],
    args: { ...ciphertext, epoch },
    trace: i === 0,
  })),
  {
    comment: 'the header that libsignal was seen to accept',
    req: ['BRD-11'],
    flags: ['Deployed'],
    args: {
      macKey: '0d54710b71cef4864e8339471177d3699162c711907b0c5593ce569a0b43c30e',
      epoch: 1,
      kind: 'header',
      message:
        '5e43481c3eeb397eb192505229b67a201ea893c3e2cb32da8bc342fa4dea0578a24e16d8f8f9383a95b77050f4d9fd2f5733eec1d63ef3c23ebf9918173669a7',
    },
    trace: true,
  },
  ...badField('spqr.auth.mac', header, 'macKey', 'BRD-11'),
  ...badField('header MAC', header, 'message', 'BRD-11', 'RAT-06'),
  ...badField('ciphertext MAC', ciphertext, 'message', 'BRD-11', 'RAT-06'),
  {
    comment: 'a header’s MAC over a ciphertext',
    req: ['BRD-11'],
    args: change(ciphertext, { kind: 'header' }),
    refused: { reason: 'bad-length', check: 'header MAC over a ciphertext', against: 'PRIM-06' },
  },
  {
    comment: 'a ciphertext’s MAC over ct1 alone',
    req: ['BRD-11'],
    args: change(ciphertext, { message: ciphertext.message.slice(0, 1_920) }),
    refused: { reason: 'bad-length', check: 'ciphertext MAC over ct1 alone', against: 'PRIM-06' },
  },
  {
    comment: 'a MAC of a third kind',
    req: ['BRD-11'],
    args: change(header, { kind: 'vector' }),
    refused: { reason: 'not-one-of', check: 'MAC of a third kind', against: 'PRIM-06' },
  },
  epochZero('spqr.auth.mac', header, 'BRD-11'),
];

const update = (epoch: number, secret: string, rootKey?: string): StepDefinition => ({
  op: 'spqr.auth.update',
  args: { ...(rootKey === undefined ? {} : { rootKey }), epoch, secret },
  bind: { $root: 'rootKey', $mac: 'macKey' },
  trace: true,
});
const mac = (kind: string, epoch: number, message: string): StepDefinition => ({
  op: 'spqr.auth.mac',
  args: { macKey: '$mac', epoch, kind, message },
});

/** Header MAC before the epoch's secret, ciphertext MAC after it (BRD-11). */
function life(name: string, epochs: number): SequenceDefinition {
  const steps = Array.from({ length: epochs }, (_, i): StepDefinition[] => {
    const epoch = i + 1;
    return [
      mac('header', epoch, fixedHex(`${name} header ${epoch}`, HEADER)),
      {
        op: 'spqr.secret',
        args: { shared: fixedHex(`${name} shared ${epoch}`), epoch },
        bind: { $secret: 'secret' },
        trace: true,
      },
      update(epoch, '$secret', '$root'),
      mac('ciphertext', epoch, fixedHex(`${name} ciphertext ${epoch}`, CIPHERTEXT)),
    ];
  });
  return {
    comment: `${epochs} epochs of one session, ${name}`,
    req: ['BRD-09', 'BRD-10', 'BRD-11'],
    flags: ['Epochs'],
    steps: [update(1, fixedHex(`${name} handshake`)), ...steps.flat()],
  };
}

const SPEC = 'spec/08-braid.md §5';

export const spqrAuthenticator: Family = {
  name: 'spqr-authenticator',
  algorithm: 'Authenticator and epoch secrets of the ML-KEM Braid',
  header: [
    'root ‖ MAC key = HKDF(root ‖ secret, no salt, "Signal_PQCKA_V1_MLKEM768:Authenticator Update" ‖ be64(epoch), 64).',
    'A header has 64 bytes, a ciphertext is ct1 ‖ ct2, 1088 bytes; MACs have 32.',
  ],
  notes: {
    First: { description: 'The authenticator begins with zeros, the handshake’s key and epoch 1.' },
    Deployed: { description: 'The same values are known from libsignal 0.103.0.' },
    Epochs: {
      description:
        'Each epoch: the header’s MAC under the old authenticator, secret, update, the ciphertext’s MAC under the new one.',
    },
  },
  groups: [
    { type: 'SpqrSecret', spec: SPEC, op: 'spqr.secret', tests: secrets },
    { type: 'SpqrAuthUpdate', spec: SPEC, op: 'spqr.auth.update', tests: updates },
    { type: 'SpqrAuthMac', spec: SPEC, op: 'spqr.auth.mac', tests: macs },
    {
      type: 'SpqrAuthenticatorLife',
      spec: SPEC,
      tests: [life('of Alice and Bob', 3), life('of Carol and Dan', 5)],
    },
  ],
};
