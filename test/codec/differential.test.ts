/** Our parsers and protobuf-es on the same inputs. @spec 04-messages §1 */
import { describe, expect, test } from 'vitest';
import { parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { anyMessage, dice, PREKEY_KINDS, SIGNAL_KINDS } from './generator.ts';
import { DIFFERENCES, type Difference, judgePreKey, judgeSignal, type Verdict } from './judge.ts';
import { join } from './sample.ts';

/** One half of the inputs for each kind of message. */
const INPUTS = scaled(10_000, 50_000);
const FIRST_SEED = 20_260_101;

const wire = (raw: Uint8Array): Uint8Array => join(Uint8Array.of(5), raw);
type Fields = Array<number | Uint8Array | null>;

/** Our fields in the order of their numbers, absent ones null. */
function ourSignal(input: Uint8Array): Fields {
  const m = parseSignalMessage(input);
  expect(Buffer.compare(join(m.authenticated, m.mac), input)).toBe(0);
  return [wire(m.ratchetKey), m.counter, m.previousCounter, m.ciphertext, m.pqRatchet, m.addresses];
}

function ourPreKey(input: Uint8Array): Fields {
  const m = parsePreKeySignalMessage(input);
  const keys = [wire(m.baseKey), wire(m.identityKey), m.message];
  return [m.preKeyId, ...keys, m.registrationId, m.signedPreKeyId, m.kemPreKeyId, m.kemCiphertext];
}

/** Fields of the judge in the same order, with the defaults of the specification. */
function theirs(verdict: Verdict, defaults: Fields): Fields | null {
  return verdict.fields === null ? null : defaults.map((value, i) => verdict.fields?.get(i + 1) ?? value);
}

function equal(a: Fields | null, b: Fields | null): boolean {
  if (a === null || b === null) return a === b;
  return a.every((value, i) => {
    const other = b[i];
    if (value instanceof Uint8Array) return other instanceof Uint8Array && Buffer.compare(value, other) === 0;
    return value === other;
  });
}

function verdictOf(parse: (input: Uint8Array) => Fields, input: Uint8Array): Fields | null {
  try {
    return parse(input);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

const NONE = new Uint8Array(0);
const KINDS = [
  ['SignalMessage', SIGNAL_KINDS, true, ourSignal, judgeSignal, [null, null, 0, null, NONE, null] as Fields],
  [
    'PreKeySignalMessage',
    PREKEY_KINDS,
    false,
    ourPreKey,
    judgePreKey,
    [null, null, null, null, 0, null, null, null] as Fields,
  ],
] as const;

describe.each(KINDS)('%s', (name, kinds, mac, ours, judge, defaults) => {
  test('[PAR-01, MSG-02, MSG-03] is accepted, read and refused as by protobuf-es, but for four listed differences', () => {
    const met = new Map<Difference, number>();
    let accepted = 0;
    for (let i = 0; i < INPUTS; i++) {
      const seed = FIRST_SEED + i;
      const input = anyMessage(dice(seed), kinds, mac);
      const verdict = judge(input);
      const expected = theirs(verdict, [...defaults]);
      const got = verdictOf(ours, input);
      for (const difference of verdict.met) met.set(difference, (met.get(difference) ?? 0) + 1);
      if (got !== null) accepted += 1;
      if (!equal(got, expected)) expect.fail(`seed ${seed}: ${Buffer.from(input).toString('hex')}`);
    }
    expect(accepted).toBeGreaterThan(INPUTS / 4);
    expect(accepted).toBeLessThan((INPUTS * 3) / 4);
    for (const difference of DIFFERENCES)
      expect([difference, (met.get(difference) ?? 0) > 0]).toEqual([difference, true]);
    reportCount('PAR-01', `${name} inputs judged as by protobuf-es`, INPUTS);
  });
});
