/**
 * The driver in Python against ours: the same requests, the same answers.
 *
 * @spec 14-vectors §6
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DriverProcess as JudgedDriver } from '../../cli/conform/driver-process.ts';
import { runTest } from '../../cli/conform/run-test.ts';
import { type Draw, damaged, drawFrom, strangeKey } from '../support/damage.ts';
import { type Answer, answerTo, type DriverProcess, type Json, newDriver, ok, request } from '../support/driver.ts';
import { ALTERATIONS, MAKERS } from '../support/driver-requests.ts';
import { OPS } from '../support/driver-samples.ts';
import { KYBER, PQXDH, SUITE_NAMES, X3DH } from '../support/peers.ts';
import { pythonCommand, pythonDriver } from '../support/python-driver.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';

const ANNOUNCED = [...Object.keys(MAKERS), 'ratchet.init', 'ratchet.send', 'ratchet.receive', 'ratchet.save'];
const REQUESTS = scaled(300, 3000);
type Args = Record<string, Json>;

/** What must be equal of two answers: results, values on the way, and codes; messages are for people. */
function judged({ ok: result, error, ...rest }: Answer & { readonly intermediate?: Json }) {
  return error === undefined ? { ok: result, ...rest } : { code: error.code, ...rest };
}

/** Both drivers, asked the same; a handle of ours stands for the one that Python gave in its place. */
class Both {
  readonly ours = newDriver();
  readonly python: DriverProcess;
  readonly #handles = new Map<string, string>();
  readonly codes = new Map<string, number>();
  asked = 0;

  constructor(python: DriverProcess = pythonDriver()) {
    this.python = python;
  }

  async ask(op: string, args: Args): Promise<Answer> {
    const id = ++this.asked;
    const ours = answerTo(this.ours, request(op, args, id));
    const handle = typeof args.ratchet === 'string' ? this.#handles.get(args.ratchet) : undefined;
    const theirs = await this.python.line(request(op, handle === undefined ? args : { ...args, ratchet: handle }, id));
    if (op === 'ratchet.init' && ours.ok !== undefined && theirs.ok !== undefined) {
      this.#handles.set(ours.ok.ratchet, theirs.ok.ratchet);
      theirs.ok.ratchet = ours.ok.ratchet;
    }
    const what = `${op} ${JSON.stringify(args)}\nours:   ${JSON.stringify(ours)}\npython: ${JSON.stringify(theirs)}`;
    expect(judged(theirs), what.slice(0, 20_000)).toEqual(judged(ours));
    const outcome = ours.error?.code ?? 'ok';
    this.codes.set(outcome, (this.codes.get(outcome) ?? 0) + 1);
    return ours;
  }

  /** What Python keeps behind a handle of ours. */
  async saved(ratchet: string): Promise<string> {
    return (await this.python.ok('ratchet.save', { ratchet: this.#handles.get(ratchet) })).state;
  }
}

const withTrace = (draw: Draw, args: Args): Args =>
  draw.below(4) === 0 ? args : { ...args, trace: draw.below(4) > 0 };

/** Good arguments, such as mean something else than they must, and such as are malformed. */
function argumentsFor(op: string, draw: Draw): Args {
  const args = MAKERS[op]?.(draw) ?? {};
  const alterations = ALTERATIONS[op];
  const way = draw.below(alterations === undefined ? 2 : 3);
  if (way === 0) return args;
  return way === 1 ? damaged(draw, args) : (alterations?.[draw.below(alterations.length)]?.(draw, args) ?? args);
}

describe('the same requests', () => {
  test.each(Object.keys(MAKERS).filter((op) => op !== 'hello'))('[VEC-20] [DRV-25] [DRV-32] %s', async (op) => {
    const [both, draw] = [new Both(), drawFrom(`python/${op}`)];
    const number = op in ALTERATIONS ? 2 * REQUESTS : REQUESTS;
    for (let i = 0; i < number; i++) await both.ask(op, withTrace(draw, argumentsFor(op, draw)));
    reportCount('VEC-20', 'requests to both drivers', both.asked);
    expect(both.codes.get('ok')).toBeGreaterThan(number / 8);
    expect(both.codes.get('InvalidArgument')).toBeGreaterThan(number / 16);
  });

  test('[VEC-20] the smallest driver, which has no trace', async () => {
    const [both, draw] = [new Both(pythonDriver('smallest.py')), drawFrom('smallest')];
    const ops: string[] = (await both.python.ok('hello')).ops;
    expect(ops.length).toBeGreaterThan(3);
    for (const op of ops) {
      for (let i = 0; i < 100 && op !== 'hello'; i++) await both.ask(op, argumentsFor(op, draw));
    }
  });
});

/** Header and post-quantum key of a message on its way. */
interface Sent {
  readonly to: string;
  readonly header: Args;
  readonly pqKey: Args;
}

/** What arrives in place of a message: mostly itself, and now and then what only a forger or a broken peer sends. */
function arriving(draw: Draw, sent: Sent, publicKey: string): Args {
  const { header } = sent;
  switch (draw.below(40)) {
    case 0:
      return { ...header, counter: header.counter + 25_000 + draw.below(2) };
    case 1:
    case 2:
      return { ...header, counter: header.counter + draw.below(3000) };
    case 3:
    case 4:
    case 5:
      return { ...header, ratchetKey: publicKey, counter: draw.below(4) };
    case 6:
      return { ...header, ratchetKey: strangeKey(draw, publicKey) };
    case 7:
      return { ...header, counter: draw.pick([2 ** 32 - 1, 25_001, 2 ** 31]) };
    default:
      return header;
  }
}

/** Two sides talk in any order, lose and repeat, while some of what arrives is damaged. */
async function converse(both: Both, draw: Draw): Promise<void> {
  const secrets = { rootKey: draw.hex(32), chainKey: draw.hex(32) };
  const publicOf = (key: string): string => ok(both.ours, 'x25519.public', { private: key }).public;
  const signedPreKey = draw.hex(32);
  const initiator = { role: 'initiator', ...secrets, private: draw.hex(32), remote: publicOf(signedPreKey) };
  const responder = { role: 'responder', ...secrets, private: signedPreKey };
  for (let i = 0; i < 4; i++) await both.ask('ratchet.init', damaged(draw, draw.pick<Args>([initiator, responder])));
  const a: string = (await both.ask('ratchet.init', withTrace(draw, initiator))).ok.ratchet;
  const b: string = (await both.ask('ratchet.init', withTrace(draw, responder))).ok.ratchet;
  const [pending, lastKeys]: [Sent[], Map<string, string>] = [[], new Map()];
  for (let i = 0; i < 60; i++) {
    const [from, to] = draw.pick([[a, b] as const, [b, a] as const]);
    if (draw.below(2) === 0 || pending.length === 0) {
      const pqKey = draw.below(2) === 0 ? {} : { pqKey: draw.hex(32) };
      const args = withTrace(draw, { ratchet: from, ...pqKey });
      const { ok: sent } = await both.ask('ratchet.send', draw.below(8) > 0 ? args : damaged(draw, args));
      if (sent !== undefined) pending.push({ to, header: sent.header, pqKey });
      continue;
    }
    const at = draw.below(pending.length);
    const sent = pending[at] as Sent;
    if (draw.below(4) > 0) pending.splice(at, 1);
    const nextPrivate = (draw.below(8) === 0 ? lastKeys.get(sent.to) : undefined) ?? draw.hex(32);
    const header = arriving(draw, sent, publicOf(draw.hex(32)));
    const args = withTrace(draw, { ratchet: sent.to, header, nextPrivate, ...sent.pqKey });
    const before = await both.saved(sent.to);
    const answer = await both.ask('ratchet.receive', draw.below(6) > 0 ? args : damaged(draw, args));
    if (answer.ok === undefined) expect(await both.saved(sent.to)).toBe(before);
    else lastKeys.set(sent.to, nextPrivate);
  }
}

describe('ratchets', () => {
  test('[VEC-20] [DRV-26] [DRV-27] conversations give the same keys and refusals, and a refusal changes nothing', async () => {
    const [both, draw] = [new Both(), drawFrom('python/ratchet')];
    for (let i = 0; i < scaled(20, 200); i++) await converse(both, draw);
    reportCount('VEC-20', 'requests to both drivers', both.asked);
    const codes = ['ok', 'DuplicateMessage', 'InvalidMessage', 'InvalidKey', 'InvalidState', 'InvalidArgument'];
    expect([...both.codes.keys()].sort()).toEqual(codes.sort());
  });

  test('[VEC-20] [DRT-09] [DRT-10] [DRT-13] at its limits', async () => {
    const both = new Both();
    const draw = drawFrom('python/limits');
    const secrets = { rootKey: draw.hex(32), chainKey: draw.hex(32) };
    const init = await both.ask('ratchet.init', { role: 'responder', ...secrets, private: draw.hex(32) });
    const keys = Array.from({ length: 7 }, () => ok(both.ours, 'x25519.public', { private: draw.hex(32) }).public);
    const nextPrivates = keys.map(() => draw.hex(32));
    const receive = async (chain: number, counter: number) => {
      const header = { ratchetKey: keys[chain], previousCounter: 0, counter };
      const args = { ratchet: init.ok.ratchet, header, nextPrivate: nextPrivates[chain], trace: true };
      const answer = await both.ask('ratchet.receive', args);
      return answer.error?.code ?? 'ok';
    };
    expect([await receive(0, 25_001), await receive(0, 25_000)]).toEqual(['InvalidMessage', 'ok']);
    expect([await receive(0, 22_999), await receive(0, 23_000)]).toEqual(['DuplicateMessage', 'ok']);
    expect([await receive(0, 50_002), await receive(0, 50_001)]).toEqual(['InvalidMessage', 'ok']);
    // One seed of the 2,000 was used up, which leaves no room for an older one.
    expect([await receive(0, 24_999), await receive(0, 48_001)]).toEqual(['DuplicateMessage', 'ok']);
    for (let chain = 1; chain < 5; chain++) expect(await receive(chain, 1)).toBe('ok');
    expect(await receive(0, 48_002)).toBe('ok');
    expect([await receive(5, 0), await receive(1, 0)]).toEqual(['ok', 'ok']);
    // Evicted: its key is a new one, and its messages come with other keys.
    nextPrivates[0] = draw.hex(32);
    expect([await receive(0, 48_003), await receive(0, 0)]).toEqual(['InvalidMessage', 'ok']);
  });

  test('[DRV-26] equal states are equal texts, in whatever order messages came', async () => {
    const python = pythonDriver();
    const key = '42'.repeat(32);
    const remote = ok(newDriver(), 'x25519.public', { private: key }).public;
    const states: string[] = [];
    for (const order of [
      [5, 0, 3],
      [0, 3, 5],
      [3, 5, 0],
    ]) {
      const { ratchet } = await python.ok('ratchet.init', {
        role: 'responder',
        rootKey: key,
        chainKey: key,
        private: key,
      });
      for (const counter of order) {
        const header = { ratchetKey: remote, previousCounter: counter, counter };
        await python.ok('ratchet.receive', { ratchet, header, nextPrivate: '43'.repeat(32) });
      }
      states.push((await python.ok('ratchet.save', { ratchet })).state);
    }
    expect(new Set(states).size).toBe(1);
  });
});

/** Good arguments of a handshake in one suite. */
function handshakeOf(op: string, suite: string): Args {
  const draw = drawFrom(`python/${op}`);
  for (;;) {
    const args = MAKERS[op]?.(draw);
    if (args?.suite === suite) return args;
  }
}

describe('what the driver in Python says of itself', () => {
  test('[VEC-20] [DRV-09] it announces what it has, and has no more', async () => {
    const python = pythonDriver();
    const hello = await python.ok('hello');
    expect([...hello.ops].sort()).toEqual([...ANNOUNCED].sort());
    expect(hello.suites).toEqual(SUITE_NAMES);
    expect(hello.kems).toEqual([]);
    expect(hello).toMatchObject({ protocol: 1, trace: true, canonicalState: true, seeded: false });
    for (const op of OPS) {
      const { error } = await python.line(request(op, { none: 1 }));
      expect([op, error?.code]).toEqual([op, ANNOUNCED.includes(op) ? 'InvalidArgument' : 'UnsupportedOperation']);
    }
  });

  test('[VEC-20] [DRV-08] it runs no KEM, and says so where it would have to', async () => {
    const python = pythonDriver();
    const draw = drawFrom('python/no-kem');
    const { kemShared: _, kemCiphertext: __, ...initiate } = handshakeOf('handshake.initiate', PQXDH);
    const { kemShared: ___, kemPublic: ____, ...respond } = handshakeOf('handshake.respond', KYBER);
    const kemPrivate = `08${'00'.repeat(64)}`;
    for (const line of [
      request('handshake.initiate', initiate),
      request('handshake.initiate', { ...initiate, kemRandom: draw.hex(32) }),
      request('handshake.respond', { ...respond, kemPrivate }),
    ]) {
      expect((await python.line(line)).error?.code).toBe('UnsupportedOperation');
    }
  });

  test('[VEC-13] vectors in which it would have to run a KEM are unsupported, those that give the secret are run', async () => {
    const driver = new JudgedDriver(pythonCommand().join(' '), 60_000);
    onTestFinished(() => driver.kill());
    const subject = { driver, hello: await driver.hello(), seeds: true, profile: 'strict' } as const;
    const { kemShared, kemCiphertext, ...args } = handshakeOf('handshake.initiate', PQXDH);
    const given = { ...args, kemShared, kemCiphertext };
    const answer = ok(newDriver(), 'handshake.initiate', given);
    const source = { name: 'pawl', version: '0' };
    const group = { type: 'Handshake', source, spec: '02-handshake.md', op: 'handshake.initiate', tests: [] };
    const head = { tcId: 1, comment: '', flags: [], req: [], result: 'valid' } as const;
    const run = (asked: Args, result: Args) => runTest(subject, group, { ...head, args: asked, ok: result });
    expect(await run(given, answer)).toMatchObject({ verdict: 'passed' });
    expect(await run(given, { ...answer, ephemeralPublic: '' })).toMatchObject({ verdict: 'failed' });
    expect(await run(args, answer)).toMatchObject({ verdict: 'unsupported', lacking: 'ML-KEM-1024' });
  });

  test('[VEC-20] [DRV-17] what it draws is fresh, and good', async () => {
    const [python, ours, draw] = [pythonDriver(), newDriver(), drawFrom('python/drawn')];
    const [key, message] = [draw.hex(32), '6d'];
    const identity = ok(ours, 'x25519.public', { private: key }).public;
    const signatures = [
      await python.ok('xeddsa.sign', { private: key, message }),
      await python.ok('xeddsa.sign', { private: key, message }),
    ];
    expect(signatures[0]).not.toEqual(signatures[1]);
    for (const { signature } of signatures) {
      expect(ok(ours, 'xeddsa.verify', { public: identity, message, signature })).toEqual({ valid: true });
    }
    const signedPreKeyPrivate = draw.hex(32);
    const signedPreKey = ok(ours, 'x25519.public', { private: signedPreKeyPrivate }).public;
    const { signature } = await python.ok('xeddsa.sign', { private: key, message: signedPreKey });
    const bundle = {
      registrationId: 1,
      deviceId: 1,
      identity,
      signedPreKeyId: 1,
      signedPreKey,
      signedPreKeySignature: signature,
    };
    const begun: Json[] = [];
    for (let i = 0; i < 2; i++) {
      begun.push(await python.ok('handshake.initiate', { suite: X3DH, identityPrivate: key, remote: bundle }));
    }
    expect(begun[0].ephemeralPublic).not.toBe(begun[1].ephemeralPublic);
    for (const { ephemeralPublic, secrets } of begun) {
      const args = { identityPrivate: key, signedPreKeyPrivate, remoteIdentity: identity, ephemeralPublic };
      expect(ok(ours, 'handshake.respond', { suite: X3DH, ...args })).toEqual({ secrets });
      const alice = await python.ok('ratchet.init', { role: 'initiator', ...secrets, remote: signedPreKey });
      const bob = ok(ours, 'ratchet.init', { role: 'responder', ...secrets, private: signedPreKeyPrivate });
      for (let round = 0; round < 3; round++) {
        const { header, ...keys } = await python.ok('ratchet.send', alice);
        expect(ok(ours, 'ratchet.receive', { ...bob, header })).toEqual(keys);
        const { header: reply, ...replied } = ok(ours, 'ratchet.send', bob);
        expect(await python.ok('ratchet.receive', { ...alice, header: reply })).toEqual(replied);
      }
    }
  });
});

describe('lines', () => {
  const hello = request('hello', {}, 1);
  const lines = [
    ['nothing', '{"id":1', '[', 'null', '[]', '7', '"x"', '{}', '{"op":"hello"}', '\ufeff{"id":1,"op":"hello"}'],
    ['{"id":null,"op":"hello"}', '{"id":"1","op":"hello"}', '{"id":true,"op":"hello"}', '{"id":1e400,"op":"hello"}'],
    ['{"id":9007199254740993,"op":"none"}', '{"id":-9007199254740991,"op":"none"}', '{"id":1e3,"op":"none"}'],
    [
      '{"id":NaN,"op":"none"}',
      '{"id":-0,"op":"none"}',
      '{"id":2.5,"op":"none"}',
      `{"id":${'9'.repeat(5000)},"op":"none"}`,
    ],
    ['{"id":5}', '{"id":5,"op":7}', '{"id":5,"op":"hello","more":1}', '{"id":5,"op":"hello","args":null}'],
    ['{"id":5,"op":"hello","args":[]}', '{"id":5,"op":"none","args":{"x":1}}', '{"id":5,"op":"toString"}'],
    [
      '{"id":5,"op":"hello","args":{"trace":1}}',
      '{"id":5,"op":"hello","args":{"__proto__":1}}',
      '{"id":1,"id":2,"op":"none"}',
    ],
    [`{"id":5,"op":"hkdf","args":{"ikm":"","info":"","length":${'1'.repeat(5000)}}}`, '{"id":5,"op":"\\ud800"}'],
    ['{"id":5,"op":"hkdf","args":{"ikm":"","info":"","length":1.0}}', '{"id":5,"op":"hkdf","args":{"\\ud800":1}}'],
    [`${'['.repeat(100_000)}`, `${'['.repeat(100_000)}${']'.repeat(100_000)}`, ' {"id":6,"op":"none"}\r', '{"id":6 ,}'],
  ].flat();

  test('[VEC-20] [DRV-03] [DRV-08] that are no requests get the same refusals', async () => {
    const [ours, python] = [newDriver(), pythonDriver()];
    for (const line of lines) {
      expect(judged(await python.line(line)), line.slice(0, 100)).toEqual(judged(answerTo(ours, line)));
    }
    expect(python.unasked).toEqual([]);
    expect(python.errors).toBe('');
  });

  test('[DRV-01] [DRV-02] [DRV-16] are answered once each, in order, blank ones not at all, until they end', async () => {
    const [command, ...args] = pythonCommand();
    const tooLong = `{"id":7,"op":"hello","args":{"x":"${'f'.repeat(64 * 1024 * 1024)}"}}`;
    const broken = Buffer.concat([Buffer.from('{"id":1,"op":"hello'), Buffer.of(0xff), Buffer.from('"}')]);
    const input = Buffer.concat([
      Buffer.from(`\n${hello}\n \t\r\n`),
      broken,
      Buffer.from(`\n${tooLong}\n${request('none', {}, 2)}\n\n${request('hello', {}, 3)}`),
    ]);
    const { status, stdout, stderr } = spawnSync(command, args, { input, encoding: 'utf8' });
    const answers = stdout.split('\n').slice(0, -1);
    expect(answers.map((line) => JSON.parse(line).id)).toEqual([1, null, null, 2, 3]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(spawnSync(command, args, { input: '', encoding: 'utf8' })).toMatchObject({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('[DRV-16] nobody reads any more', async () => {
    const python = pythonDriver();
    await python.ok('hello');
    python.deafen();
    expect([await python.exit, python.errors]).toEqual([0, '']);
  });
});
