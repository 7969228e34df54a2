import { describe, expect, test } from 'vitest';
import {
  type Class,
  expectedOutcome,
  judge,
  type Outcome,
  type Party,
  REASONS,
} from '../../lab/interop/expectations.ts';
import { classOf, columns } from '../../lab/interop/matrix.ts';
import { RELEASES } from '../../lab/interop/releases.ts';

const b = 'ratchet-demanded';
const d = 'field-ignored';

/** Full conversations of libsignal's releases with each other, initiator → responder in the order of {@link RELEASES}. */
const KNOWN: Readonly<Record<string, readonly Outcome[]>> = {
  '0.31.0': ['pqxdh', 'pqxdh', 'pqxdh', 'pqxdh', b, b],
  '0.72.1': ['pqxdh', 'pqxdh', 'pqxdh', 'pqxdh', b, b],
  '0.76.7': ['pqxdh', 'pqxdh', 'triple', 'triple', 'triple', 'triple'],
  '0.76.7 off': ['pqxdh', 'pqxdh', 'pqxdh', 'pqxdh', b, b],
  '0.88.3': ['pqxdh', 'pqxdh', 'triple', 'triple', 'triple', 'triple'],
  '0.92.2': [d, d, 'triple', 'triple', 'triple', 'triple'],
  '0.103.0': [d, d, 'triple', 'triple', 'triple', 'triple'],
};

describe('[IOP-07] what is expected of a pairing', () => {
  test('is what is known of the releases among themselves', () => {
    for (const { label, party } of columns(RELEASES)) {
      const outcomes = RELEASES.map((responder) => expectedOutcome('kyber', party, classOf(responder)));
      expect([label, outcomes]).toEqual([label, KNOWN[label]]);
    }
    expect(expectedOutcome('kyber', 'required', 'off')).toBe(d);
  });

  test('is one thing for ours as for the release it is modelled on', () => {
    expect(classOf('0.103.0')).toBe('required');
    expect(classOf('0.88.3')).toBe('optional');
    expect(classOf('9.9.9')).toBe('required');
  });

  test('is a classical conversation with old releases alone', () => {
    const newer: readonly Class[] = ['off', 'optional', 'required'];
    const x3dh = (initiator: Party, responder: Party) => expectedOutcome('x3dh', initiator, responder);
    expect([x3dh('classical', 'none'), x3dh('none', 'classical'), x3dh('none', 'none')]).toEqual([
      'x3dh',
      'x3dh',
      'x3dh',
    ]);
    for (const party of newer) {
      expect(x3dh('classical', party)).toBe('no-x3dh');
      expect(x3dh(party, 'classical')).toBe('no-kem-key');
    }
    for (const party of ['none', ...newer] as const)
      expect(expectedOutcome('ml-kem', party, 'required')).toBe('kem-unknown');
  });
});

describe('[IOP-07] judging what was seen', () => {
  const on = { established: true, version: 4, pq: ['on', 'on'] } as const;
  const refusal = { established: false, stage: 'first message', said: 'InvalidMessage: …', unchanged: true } as const;

  test('takes a conversation for what it is', () => {
    expect(judge('triple', on)).toBeNull();
    expect(judge('pqxdh', { ...on, pq: ['refused', 'off'] })).toBeNull();
    expect(judge('x3dh', { ...on, version: 3, pq: ['off', 'off'] })).toBeNull();
  });

  test('is not content with another conversation, or with one where there must be none', () => {
    expect(judge('triple', { ...on, pq: ['refused', 'off'] })).toContain('is pqxdh');
    expect(judge('triple', { ...on, pq: ['on', 'negotiating'] })).toContain('is mixed');
    expect(judge('pqxdh', on)).toContain('is triple');
    expect(judge('triple', { ...on, version: 3 })).toContain('is x3dh');
    for (const reason of Object.keys(REASONS) as (keyof typeof REASONS)[]) expect(judge(reason, on)).not.toBeNull();
  });

  test('wants a refusal at the known stage, for the known reason, without a trace', () => {
    expect(judge('ratchet-demanded', refusal)).toBeNull();
    expect(judge('ratchet-demanded', { ...refusal, stage: 'later' })).toContain('was refused at: later');
    expect(judge('ratchet-demanded', { ...refusal, stage: 'bundle' })).toContain('was refused at: bundle');
    expect(judge('ratchet-demanded', { ...refusal, unchanged: false })).toContain('left a trace');
    expect(judge('kem-unknown', { ...refusal, stage: 'bundle' })).toContain('was told');
    expect(judge('triple', refusal)).toContain('no conversation');
  });
});
