import { describe, expect, test } from 'vitest';
import { Dialogue, type End, Mismatch } from '../../lab/interop/dialogue.ts';
import type { Answer, Args } from '../../lab/interop/peer.ts';
import { KINDS, type Kind, planDialogue } from '../../lab/interop/plan.ts';
import { answerTo, newDriver, request } from '../support/driver.ts';
import { scaled } from '../support/scale.ts';

type Ask = (op: string, args: Args) => Answer;
type Meddle = (ask: Ask, op: string, args: Args) => Answer;

const KYBER = 'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024';

/** A driver in this process; `meddle` stands between it and the dialogue. */
function end(meddle: Meddle = (ask, op, args) => ask(op, args), create: Args = {}): End {
  const driver = newDriver();
  const ask: Ask = (op, args) => {
    const { ok, error } = answerTo(driver, request(op, args));
    return error === undefined ? { ok } : { error };
  };
  return { peer: { label: 'test', ask: async (op, args) => meddle(ask, op, args) }, seeded: true, create };
}

function dialogue(kind: Kind, ends: { readonly a: End; readonly b: End }, messages = 60, options = {}): Dialogue {
  return new Dialogue(planDialogue({ seed: 'test', index: 3, messages, kind }), ends, options);
}

async function mismatch(kind: Kind, liar: Meddle, messages = 60): Promise<string> {
  const failed = dialogue(kind, { a: end(), b: end(liar) }, messages).play();
  const error = await failed.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Mismatch)) throw new Error(`no mismatch but ${error}`);
  return `${error.doing}/${error.side}/${error.code}`;
}

describe('[IOP-05] dialogues between two drivers of ours', () => {
  test('come to what they must, in every kind', async () => {
    for (const kind of KINDS) {
      const { sent, delivered, lost } = await dialogue(kind, { a: end(), b: end() }, scaled(60, 400)).play();
      expect([kind, sent]).toEqual([kind, scaled(60, 400)]);
      expect(delivered + lost).toBe(sent);
    }
  });

  test('are the same to the last byte when they are played again', async () => {
    const [one, two] = [dialogue('chaos', { a: end(), b: end() }), dialogue('chaos', { a: end(), b: end() })];
    await one.play();
    await two.play();
    expect(two.entries).toEqual(one.entries);
    expect(one.entries.length).toBeGreaterThan(100);
  });

  test('of one-way traffic know no epoch and say that they negotiate', async () => {
    const { info } = await dialogue('one-way', { a: end(), b: end() }).play();
    expect(info.a).toMatchObject({ pq: 'negotiating', pqEpoch: 0 });
    expect(info.b).toMatchObject({ pqEpoch: 0 });
  });

  test('without the KEM part of bundles are classical', async () => {
    const create = { suites: ['X3DH_X25519_SHA-256'] };
    const ends = { a: end(undefined, create), b: end(undefined, { suites: [KYBER, 'X3DH_X25519_SHA-256'] }) };
    const { info } = await dialogue('ping-pong', ends, 10, { stripKem: true }).play();
    expect([info.a?.version, info.b?.version]).toEqual([3, 3]);
  });
});

describe('[IOP-05] a driver that lies is found out', () => {
  test('where a message arrives as another one', async () => {
    const liar: Meddle = (ask, op, args) => {
      const answer = ask(op, args);
      return op === 'session.decrypt' && 'ok' in answer ? { ok: { plaintext: `${answer.ok.plaintext}00` } } : answer;
    };
    expect(await mismatch('ping-pong', liar)).toBe('deliver/b/plaintext');
  });

  test('where it takes what it must refuse', async () => {
    const liar: Meddle = (ask, op, args) => {
      const answer = ask(op, args);
      return op === 'session.decrypt' && 'error' in answer ? { ok: { plaintext: '' } } : answer;
    };
    expect(await mismatch('lossy', liar)).toMatch(/^(forge|duplicate)\/b\/accepted$/);
  });

  test('where a refusal leaves a trace', async () => {
    let refusals = 0;
    const liar: Meddle = (ask, op, args) => {
      const answer = ask(op, args);
      if (op === 'session.decrypt' && 'error' in answer) refusals++;
      return op === 'device.save' && 'ok' in answer ? { ok: { state: `${answer.ok.state}${refusals}` } } : answer;
    };
    expect(await mismatch('lossy', liar)).toMatch(/^(forge|duplicate)\/b\/state$/);
  });

  test('where it refuses what it must take, and whether it is changed by that', async () => {
    const liar: Meddle = (ask, op, args) => {
      const answer = ask(op, args);
      return op === 'session.decrypt' ? { error: { code: 'InvalidMessage', message: 'no' } } : answer;
    };
    expect(await mismatch('burst', liar, 10)).toBe('deliver/b/InvalidMessage');
    const watched = dialogue('burst', { a: end(), b: end(liar) }, 10, { watch: true }).play();
    await expect(watched).rejects.toThrow('refused message 0 and changed the receiver');
  });

  test('where it refuses with a code that is no refusal of a message', async () => {
    const liar: Meddle = (ask, op, args) => {
      const answer = ask(op, args);
      const refused = op === 'session.decrypt' && 'error' in answer;
      return refused ? { error: { code: 'InvalidState', message: 'internal-error' } } : answer;
    };
    expect(await mismatch('lossy', liar)).toMatch(/^(forge|duplicate)\/b\/InvalidState$/);
  });

  test('where a loaded device is not the saved one', async () => {
    let loaded = false;
    const liar: Meddle = (ask, op, args) => {
      const answer = ask(op, args);
      if (op === 'device.load') loaded = true;
      return loaded && op === 'device.save' && 'ok' in answer ? { ok: { state: '00' } } : answer;
    };
    expect(await mismatch('chaos', liar, 200)).toBe('reload/b/state');
  });
});
