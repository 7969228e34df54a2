/**
 * Every release in both roles.
 *
 * @spec 12-interop §5
 * Owns: which pairings there are, playing each, what was seen of it. Must not know: how results are shown.
 */
import { Dialogue, Mismatch, type PlayOptions } from './dialogue.ts';
import { libsignal, OURS, pooled, type Running, withDrivers } from './drivers.ts';
import type { SuiteColumn } from './expectations.ts';
import {
  type Class,
  expectedOutcome,
  judge,
  type Observation,
  type Outcome,
  type Party,
  REASONS,
} from './expectations.ts';
import { writeFailure } from './failure-file.ts';
import type { Args } from './peer.ts';
import { planDialogue } from './plan.ts';
import { REFERENCE, traitsOf } from './releases.ts';

/** One party of a pairing: whose driver, made how, of which class. */
export interface Setting {
  readonly label: string;
  /** Null: our own driver. */
  readonly release: string | null;
  readonly create: Args;
  readonly party: Party;
}

/** One row of settings against all releases. */
export interface MatrixRow {
  readonly name: string;
  readonly suite: SuiteColumn;
  readonly setting: Setting;
}

/** One cell. */
export interface Cell {
  readonly row: string;
  readonly suite: SuiteColumn;
  readonly release: string;
  /** What the row's party is. */
  readonly role: 'initiator' | 'responder';
  readonly expected: Outcome;
  readonly established: boolean;
  readonly pqRatchet: boolean;
  readonly messages: number;
  /** Newest epoch of the row's party and of the release. */
  readonly epochs: readonly [number, number];
  /** Null where there was a conversation. */
  readonly reason: string | null;
  /** What the refuser said. */
  readonly said: string | null;
  /** Null: as expected. */
  readonly mismatch: string | null;
}

const KYBER = 'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024';

function ours(label: string, party: Party, suite: string, pqRatchet: string): Setting {
  return { label, release: null, create: { suites: [suite], pqRatchet }, party };
}

/** The class of a release; `off` where it was told so. */
export function classOf(version: string): Class {
  const [first] = traitsOf(version).pqRatchet;
  return first === undefined ? 'none' : (first as Class);
}

function release(version: string): Setting {
  return { label: version, release: version, create: {}, party: classOf(version) };
}

/** The releases as columns: those that can be told to do without the ratchet come twice. */
export function columns(versions: readonly string[]): readonly Setting[] {
  return versions.flatMap((version) => {
    const own = release(version);
    if (!traitsOf(version).pqRatchet.includes('off')) return [own];
    return [own, { ...own, label: `${version} off`, create: { pqRatchet: 'off' }, party: 'off' as const }];
  });
}

/** Releases that the rows of ours must be equal to. */
const MODELS: Readonly<Record<string, string>> = { 'ours-required': REFERENCE, 'ours-optional': '0.88.3' };

/** Our rows, and those of libsignal that they must be equal to as far as these are installed. */
function rows(versions: readonly string[]): readonly MatrixRow[] {
  const models = Object.values(MODELS).filter((version) => versions.includes(version));
  return [
    { name: 'ours-required', suite: 'kyber', setting: ours('ours-required', 'required', KYBER, 'required') },
    { name: 'ours-optional', suite: 'kyber', setting: ours('ours-optional', 'optional', KYBER, 'optional') },
    { name: 'ours-x3dh', suite: 'x3dh', setting: ours('ours-x3dh', 'classical', 'X3DH_X25519_SHA-256', 'required') },
    {
      name: 'ours-ml-kem',
      suite: 'ml-kem',
      setting: ours('ours-ml-kem', 'required', 'PQXDH_X25519_SHA-256_ML-KEM-1024', 'required'),
    },
    ...models.map(
      (version): MatrixRow => ({ name: `libsignal ${version}`, suite: 'kyber', setting: release(version) }),
    ),
  ];
}

function observe(error: Mismatch): Observation {
  const { doing, step, message, code } = error;
  // Step 0 takes the bundle; the first message is sent in step 1 and delivered before any other is sent.
  const first = doing === 'deliver' && step <= 3;
  const stage = doing === 'process' || doing === 'create' ? 'bundle' : first ? 'first message' : 'later';
  const unchanged = !message.includes('and changed the receiver');
  return { established: false, stage, said: `${code}: ${message}`, unchanged };
}

interface Pairing {
  readonly row: MatrixRow;
  readonly column: Setting;
  readonly role: Cell['role'];
  readonly messages: number;
  readonly seed: string;
}

type Blank = Pick<Cell, 'row' | 'suite' | 'release' | 'role' | 'expected'>;

function refused(blank: Blank, seen: Observation & { readonly established: false }): Cell {
  const { expected } = blank;
  const reason = expected in REASONS ? REASONS[expected as keyof typeof REASONS].text : 'unexpected';
  const nothing = { established: false, pqRatchet: false, messages: 0, epochs: [0, 0] as const };
  return { ...blank, ...nothing, reason, said: seen.said, mismatch: judge(expected, seen) };
}

async function playCell({ row, column, role, messages, seed }: Pairing, own: Running, theirs: Running): Promise<Cell> {
  const initiates = role === 'initiator';
  const [a, b] = initiates ? [row.setting, column] : [column, row.setting];
  const expected = expectedOutcome(row.suite, a.party, b.party);
  const blank: Blank = { row: row.name, suite: row.suite, release: column.label, role, expected };
  const mine = own.end(row.setting.create);
  const other = theirs.end(column.create);
  const ends = initiates ? { a: mine, b: other } : { a: other, b: mine };
  const options: PlayOptions = { stripKem: row.suite === 'x3dh', watch: expected in REASONS };
  const name = `${seed}/${row.name}/${column.label}/${role}`;
  const dialogue = new Dialogue(planDialogue({ seed: name, index: 0, messages, kind: 'ping-pong' }), ends, options);
  try {
    const { sent, info } = await dialogue.play();
    const [ownInfo, otherInfo] = initiates ? [info.a, info.b] : [info.b, info.a];
    const pq = [ownInfo?.pq ?? 'none', otherInfo?.pq ?? 'none'] as const;
    const version = Math.min(ownInfo?.version ?? 0, otherInfo?.version ?? 0);
    return {
      ...blank,
      established: true,
      pqRatchet: pq.every((state) => state === 'on'),
      messages: sent,
      epochs: [ownInfo?.pqEpoch ?? 0, otherInfo?.pqEpoch ?? 0],
      reason: null,
      said: null,
      mismatch: judge(expected, { established: true, version, pq }),
    };
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    const seen = observe(error);
    const cell = refused(blank, seen as Observation & { readonly established: false });
    if (cell.mismatch !== null) {
      const [first, second] = initiates ? [own, theirs] : [theirs, own];
      await writeFailure(dialogue, error, ends, { a: first.command, b: second.command });
    }
    return cell;
  }
}

/** Pairings that go on at the same time. */
const WIDTH = 4;

/** Plays the whole matrix. @throws {Error} where a driver is missing. */
export async function runMatrix(
  versions: readonly string[],
  messages: number,
  seed: string,
  progress: (line: string) => void,
): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const version of versions) {
    for (const own of new Set(rows(versions).map(({ setting }) => setting.release))) {
      const command = own === null ? OURS : libsignal(own);
      const pairings = rows(versions)
        .filter(({ setting }) => setting.release === own)
        .flatMap((row) =>
          columns([version]).flatMap((column) =>
            (['initiator', 'responder'] as const).map((role) => ({ row, column, role, messages, seed })),
          ),
        );
      progress(
        `matrix: ${command.label} with libsignal ${version} (${pairings.length} pairings × ${messages} messages)`,
      );
      const played = await withDrivers([command, libsignal(version)], (mine, theirs) =>
        pooled(pairings, WIDTH, (pairing) => playCell(pairing, mine, theirs)),
      );
      cells.push(...played);
    }
  }
  return cells;
}

/** Cells of ours that came to something else than those of the release they are modelled on. */
export function unlikeModels(cells: readonly Cell[]): string[] {
  return Object.entries(MODELS).flatMap(([row, model]) =>
    cells
      .filter((cell) => cell.row === row)
      .flatMap((cell) => {
        const twin = cells.find(
          (other) => other.row === `libsignal ${model}` && other.release === cell.release && other.role === cell.role,
        );
        if (twin === undefined || (twin.established === cell.established && twin.pqRatchet === cell.pqRatchet))
          return [];
        return [`${row} is unlike libsignal ${model} as ${cell.role} with ${cell.release}`];
      }),
  );
}
