/**
 * A published file in which one answer was changed must fail, whichever answer it is.
 *
 * @spec 14-vectors §1
 */
import { expect, test } from 'vitest';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { baseName, RECORDED, useOf } from '../../vectors/external/catalogue.ts';
import type { Verdict } from '../../vectors/external/verdict.ts';
import { externalVectors, HAVE_VECTORS } from '../support/external-vectors.ts';
import { PROVIDERS } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** Names under which published files hold answers. `result` is one too. */
const ANSWERS =
  /^(shared(_secret)?|tag|okm|msg|ct|c|K|ek|dk|expected|sig|sk|result|(bobSenderChain|nextChain|cipher|mac)Key|sha3_256_hash_of_.*|displayable|scannable|(alice|bob)Scannable|(alice|bob)Public|expectedCiphertext|message|expectedSmsText)$/;
/** Names that stand for inputs in some files. */
const INPUTS: Readonly<Record<string, RegExp>> = {
  'mlkem_768_semi_expanded_decaps_test.json': /^(dk|ek)$/,
  // A key that X3DH does not need, and the unauthenticated end of a prekey message.
  'x3dh.json': /^bobPublic$/,
  'session-v3-scripts.json': /^message$/,
};
const RUN = Object.keys(RECORDED).filter((name) => (RECORDED[name]?.run ?? 0) > 0);

/** Another answer of the same shape. */
function changed(answer: string): string {
  if (answer === 'valid') return 'invalid';
  if (answer === 'invalid') return 'valid';
  return answer.replace(/[0-9a-fA-F](?=[^0-9a-fA-F]*$)/, (digit) => (digit === '0' ? '1' : '0'));
}

/** The cases of a file, one published case each, so that a change is tried quickly. */
function single(json: Json): Json[] {
  const whole = json as { testGroups?: { tests: Json[] }[]; cases?: Json[] };
  const { numberOfTests: _, ...rest } = whole as { numberOfTests?: number; [name: string]: Json | undefined };
  if (whole.testGroups !== undefined) {
    return whole.testGroups.flatMap((group) =>
      [...new Set([group.tests[0], group.tests.at(-1)])].map(
        (one) => ({ ...rest, testGroups: [{ ...group, tests: [one] }] }) as Json,
      ),
    );
  }
  if (whole.cases === undefined) return [json];
  const few = whole.cases.length > 10 ? whole.cases.slice(0, 1) : whole.cases;
  return few.map((one) => ({ ...rest, cases: [one] }) as Json);
}

/** The same JSON once for each answer in it, with that answer changed; and what was changed. */
function mutants(json: Json, inputs: RegExp): [string, Json][] {
  const found: [string, Json][] = [];
  const visit = (node: Json, name: string, rebuild: (replacement: Json) => Json, where: string): void => {
    if (name === 'values') {
      for (const [i, pair] of (node as [string, string][]).entries())
        found.push([`${where} ${pair[0]}`, rebuild((node as Json[]).with(i, [pair[0], changed(pair[1])]))]);
    } else if (Array.isArray(node)) {
      for (const [i, one] of node.entries()) visit(one, name, (to) => rebuild(node.with(i, to)), `${where}[${i}]`);
    } else if (typeof node === 'object' && node !== null) {
      for (const [key, one] of Object.entries(node)) {
        // Of an invalid case nothing but its result is an answer.
        if (node.legacy === true || (node.result === 'invalid' && key !== 'result') || inputs.test(key)) continue;
        visit(one, key, (to) => rebuild({ ...node, [key]: to }), `${where}.${key}`);
      }
    } else if (typeof node === 'string' && ANSWERS.test(name) && changed(node) !== node) {
      found.push([where, rebuild(changed(node))]);
    }
  };
  visit(json, '', (to) => to, '');
  return found;
}

function verdictsOf(path: string, json: Json, provider: CryptoProvider): readonly Verdict[] {
  const use = useOf(path, json);
  if (use.use !== 'run') throw new Error(`${path} is not run`);
  return use.run(provider).verdicts;
}

/** Whether the changed file fails with both providers. */
function isNoticed(path: string, json: Json): boolean {
  return PROVIDERS.every((provider) =>
    verdictsOf(path, json, provider).some(({ differences }) => differences.length > 0),
  );
}

test.skipIf(!HAVE_VECTORS).each(RUN)('[VEC-04] every changed answer of %s is a failure', (path) => {
  const file = externalVectors<Json>(path);
  if (file === null) return;
  const inputs = INPUTS[baseName(path)] ?? /^source$/;
  // Cases that are not used have no answers.
  const used = single(file).filter((one) => verdictsOf(path, one, nodeProvider).length > 0);
  const all = used.flatMap((one) => mutants(one, inputs));
  const missed = all.filter(([, json]) => !isNoticed(path, json)).map(([where]) => where);
  expect(missed).toEqual([]);
  reportCount('VEC-04', 'published answers changed and noticed', all.length);
});
