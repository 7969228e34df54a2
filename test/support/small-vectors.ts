/**
 * A folder of vectors small enough to read, for tests of whatever reads vectors.
 *
 * @spec 14-vectors §2
 * Owns: one family of HKDF and one of steps, as our own generator makes them. Must not know: drivers.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VectorFile } from '../../cli/conform/vector-file.ts';
import type { Family } from '../../vectors/generate/definition.ts';
import { makeFile, textOf } from '../../vectors/generate/maker.ts';
import { schemaOf } from '../../vectors/generate/schemas.ts';

const key = 'ab'.repeat(32);

const HKDF: Family = {
  name: 'small-hkdf',
  algorithm: 'HKDF',
  header: [],
  notes: {},
  groups: [
    {
      type: 'Hkdf',
      spec: 'spec/01-keys.md §4',
      op: 'hkdf',
      tests: [16, 32, 48].map((length) => ({
        comment: `${length} bytes`,
        req: ['KEY-15'],
        args: { ikm: key, info: '', length },
        trace: true,
      })),
    },
  ],
};

const RATCHET: Family = {
  name: 'small-ratchet',
  algorithm: 'Double Ratchet',
  header: [],
  notes: {},
  groups: [
    {
      type: 'Ratchet',
      spec: 'spec/03-ratchet.md §4',
      tests: [
        {
          comment: 'too far ahead',
          req: ['DRT-09'],
          refused: { check: 'jump', against: 'RAT-01' },
          steps: [
            {
              op: 'ratchet.init',
              args: { role: 'responder', rootKey: key, chainKey: key, private: key },
              bind: { $bob: 'ratchet' },
            },
            {
              op: 'ratchet.receive',
              args: {
                ratchet: '$bob',
                header: { ratchetKey: `05${'09'.padEnd(64, '0')}`, previousCounter: 0, counter: 30_000 },
                nextPrivate: 'cd'.repeat(32),
              },
              refused: 'counter-too-far',
            },
          ],
        },
      ],
    },
  ],
};

/** The two files as they are generated. */
export const SMALL_FILES: readonly VectorFile[] = [HKDF, RATCHET].map(makeFile);

/** Writes them, or others, into a new folder with their schemas. */
export function smallVectors(files: readonly VectorFile[] = SMALL_FILES): string {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-vectors-'));
  mkdirSync(join(folder, 'schemas'));
  for (const file of files) {
    writeFileSync(join(folder, `${file.family}.vectors.json`), textOf(file));
    const original = SMALL_FILES.find(({ family }) => family === file.family) ?? file;
    writeFileSync(join(folder, 'schemas', file.schema), JSON.stringify(schemaOf(original)));
  }
  return folder;
}
