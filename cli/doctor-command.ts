/**
 * `pawl doctor`: what went wrong between two implementations.
 *
 * @spec 16-doctor §1
 * Owns: flags, output, exit codes. Must not know: how a diagnosis is made.
 */
import { Command, Option } from 'commander';
import { nodeProvider } from '../protocol/crypto/node.ts';
import type { KemParameterSet } from '../protocol/crypto/provider.ts';
import { InputError, readInput, withShape } from './doctor/input.ts';
import { type Diagnosis, diagnose, isInputError, type KemCase } from './doctor/kem-diagnosis.ts';

const SETS: readonly KemParameterSet[] = ['ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024'];

interface KemFlags {
  kem: KemParameterSet;
  public?: string;
  ciphertext?: string;
  shared: string[];
  seed?: string;
  private?: string;
  coins?: string;
  json: boolean;
}

/** Which set a length belongs to, where it is another one than was named. */
function otherSet(kem: KemParameterSet, length: number, field: 'publicKey' | 'ciphertext' | 'expandedKey'): string {
  const other = SETS.find((set) => set !== kem && [0, 1].includes(length - nodeProvider.kemLengths(set)[field]));
  return other === undefined ? '' : `: that is the length of ${other}`;
}

function readCase(flags: KemFlags): KemCase {
  const { kem } = flags;
  const lengths = nodeProvider.kemLengths(kem);
  const sized = (option: 'public' | 'ciphertext' | 'private', field: 'publicKey' | 'ciphertext' | 'expandedKey') => {
    const value = flags[option];
    if (value === undefined) return null;
    const bytes = readInput(option, value);
    return withShape(option, bytes, [{ length: lengths[field], what: kem }], otherSet(kem, bytes.length, field));
  };
  const fixed = (option: 'seed' | 'coins', length: number, what: string) => {
    const value = flags[option];
    return value === undefined ? null : withShape(option, readInput(option, value), [{ length, what }]);
  };
  if (flags.seed !== undefined && flags.private !== undefined) {
    throw new InputError('--seed and --private: give one, the seed where you have it.');
  }
  if (flags.shared.length > 2) throw new InputError('--shared: two at most, one for each side.');
  const inputs = [flags.public, flags.ciphertext, flags.seed, flags.private, flags.coins, ...flags.shared];
  if (inputs.filter((input) => input === '@-').length > 1) throw new InputError('@-: standard input can be read once.');
  if (inputs.every((input) => input === undefined)) {
    throw new InputError('give at least one input, for example --public @key.hex --seed @seed.hex; see --help.');
  }
  return {
    set: kem,
    publicKey: sized('public', 'publicKey'),
    ciphertext: sized('ciphertext', 'ciphertext'),
    shared: flags.shared.map((value) =>
      withShape('shared', readInput('shared', value), [{ length: 32, what: 'a secret' }]),
    ),
    seed: fixed('seed', 64, 'd ‖ z'),
    privateKey: sized('private', 'expandedKey'),
    coins: fixed('coins', 32, 'm'),
  };
}

const CONCLUSIONS: Record<Diagnosis['conclusion'], string> = {
  agree: 'Both texts and bytes fit together.',
  differ: 'The inputs do not fit together.',
  undecided: 'What is listed as undecided cannot be told from these inputs.',
};

function print(kem: string, { findings, undecided, conclusion }: Diagnosis): void {
  const marks = { named: '✓', 'none fits': '✗', undecided: '?' } as const;
  const lines = findings.map(({ about, verdict, text }) => `  ${marks[verdict]} ${about.padEnd(11)}${text}`);
  const open = undecided.map(({ question, decidedBy }) => `  ? ${question}\n      decided by ${decidedBy}`);
  process.stdout.write(`${kem}\n${lines.join('\n')}\n`);
  if (open.length > 0) process.stdout.write(`\nUndecided:\n${open.join('\n')}\n`);
  process.stdout.write(`\n${CONCLUSIONS[conclusion]}\n`);
}

function run(flags: KemFlags): number {
  const diagnosis = diagnose(nodeProvider, readCase(flags));
  // @req DOC-04
  if (flags.json) process.stdout.write(`${JSON.stringify({ kem: flags.kem, ...diagnosis })}\n`);
  else print(flags.kem, diagnosis);
  return diagnosis.conclusion === 'agree' ? 0 : 1;
}

const HELP = `
Inputs are files of hex or of raw bytes: @file, or @- for standard input. Nothing secret goes on the command line, and none is printed.
A type byte in front of a key or ciphertext, as on Signal's wire, is taken off.

Examples, in a checkout:
  pawl doctor kem --kem ML-KEM-1024 --public @pk --ciphertext @ct --shared @alice --shared @bob
      two secrets that differ: is one side Kyber round 3?
  pawl doctor kem --kem ML-KEM-768 --public @pk --seed @seed
      the same seed, another public key: swapped halves, or a key generation older than FIPS 203?
  pawl doctor kem --kem ML-KEM-768 --private @sk --ciphertext @ct --shared @mine
      did my side reject the ciphertext without a word?

Exit codes: 0 everything given has one name and fits, 1 it does not or cannot be told, 2 wrong usage or a file that cannot be read.`;

/** The command, for the program to add. */
export function doctorCommand(): Command {
  const collect = (value: string, all: string[]) => [...all, value];
  const kem = new Command('kem')
    .description('Name the text (FIPS 203, Kyber round 3, a draft) that each side of an encapsulation follows.')
    .addOption(new Option('--kem <name>', 'the parameter set').choices(SETS).makeOptionMandatory())
    .option('--public <@file>', 'the encapsulation key')
    .option('--ciphertext <@file>', 'the ciphertext')
    .option('--shared <@file>', 'a shared secret, 32 bytes; twice: one of each side', collect, [])
    .option('--seed <@file>', 'the seed of the key pair, 64 bytes')
    .option('--private <@file>', 'the expanded decapsulation key')
    .option('--coins <@file>', 'the 32 bytes that the encapsulating side drew')
    .option('--json', 'print one JSON object: {"kem":…,"findings":[…],"undecided":[…],"conclusion":…}', false)
    .addHelpText('after', HELP)
    .action((flags: KemFlags) => {
      // Whoever reads the answer may stop reading.
      process.stdout.on('error', () => process.exit());
      try {
        process.exitCode = run(flags);
      } catch (error) {
        if (!(error instanceof InputError) && !isInputError(error)) throw error;
        process.stderr.write(`pawl doctor kem: ${error instanceof Error ? error.message : String(error)}\n`);
        process.exitCode = 2;
      }
    });
  return new Command('doctor').description('Find out what two implementations disagree about.').addCommand(kem);
}
