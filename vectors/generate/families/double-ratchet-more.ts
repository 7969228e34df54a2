/**
 * Vectors of the Double Ratchet: a sixth chain, a ratchet key that follows itself.
 *
 * @spec 03-ratchet §4
 * Owns: those tests, how a script becomes one. Must not know: message formats, MACs.
 */
import type { SequenceDefinition } from '../definition.ts';
import { fixedHex, flipped } from '../definition.ts';
import { RatchetScript } from '../ratchet-script.ts';

export type Head = Omit<SequenceDefinition, 'steps'>;

/** A test whose steps a script writes down. */
export function scripted(name: string, head: Head, play: (script: RatchetScript) => void): SequenceDefinition {
  const script = new RatchetScript(`double ratchet, ${name}`);
  play(script);
  return { ...head, steps: script.steps };
}

export const sixthChain: SequenceDefinition = scripted(
  'sixth chain',
  {
    comment: 'of six chains the newest five are kept: a key of the oldest begins a chain like one never seen',
    req: ['DRT-13'],
    flags: ['OldChain', 'Limit'],
  },
  (s) => {
    const late = Array.from({ length: 6 }, () => {
      const first = s.send('alice');
      s.receive('bob', s.send('alice'));
      s.receive('alice', s.send('bob'));
      return first;
    });
    const [oldest, ...kept] = late as [(typeof late)[0], ...typeof late];
    for (const header of kept) s.receive('bob', header);
    const nextPrivate = fixedHex('double ratchet, sixth chain, next');
    s.steps.push({ op: 'ratchet.receive', args: { ratchet: '$bob', header: oldest, nextPrivate }, trace: true });
  },
);

/** A source of randomness that repeats itself gives the key that is there already. */
function repeated(comment: string, change: (key: string) => string): SequenceDefinition {
  const name = 'repeated key';
  const refused = { check: `ratchet ${comment}`, against: 'PRIM-12' };
  return scripted(name, { comment, req: ['DRT-08', 'DRV-27'], refused }, (s) => {
    const present = fixedHex(`double ratchet, ${name}, signed prekey`);
    const header = s.send('alice');
    const args = { ratchet: '$bob', header, nextPrivate: change(present) };
    s.steps.push({ op: 'ratchet.receive', args, refused: 'randomness-failed' });
    s.receive('bob', header);
    s.turn();
  });
}

export const repeats: readonly SequenceDefinition[] = [
  repeated('a ratchet key that follows itself', (key) => key),
  repeated('a ratchet key that follows itself but for bits that clamping sets', (key) => flipped(key, 0)),
];
