/**
 * Vectors of ML-KEM and of Kyber-1024 round 3.
 *
 * @spec 01-keys §6
 * Owns: their tests. Must not know: wire form, handshakes.
 */
import type { KemName } from '../../../protocol/crypto/kem.ts';
import type { CallDefinition, Family, Refusal } from '../definition.ts';
import { fixedHex, flipped } from '../definition.ts';
import { type Flaw, lengthFlaws } from '../flaws.ts';
import {
  DRAWN_SHORT,
  LENGTHS_UNTESTED,
  MATERIALS,
  type Material,
  unreducedFlaws,
  withCoefficient,
} from './kem-material.ts';

const KYBER: KemName = 'Kyber-1024-r3';
const isKyber = ({ kem }: Material) => kem === KYBER;
/** Long keys are damaged in every way for this one, and in the first ways for the others. */
const isSmallest = ({ rank }: Material) => rank === 2;
const LENIENT = { strict: 'invalid', libsignal: 'valid' } as const;

/** Every KEM's tests, one KEM after the other. */
const each = (tests: (material: Material) => readonly CallDefinition[]) => MATERIALS.flatMap(tests);

function refused(kem: string, what: string, { name, reason, against }: Flaw): Refusal {
  return { check: `${kem} ${what} ${name}`, reason, against };
}

/** What replaces the requirement of ML-KEM where round 3 has its own. */
const requirement = (material: Material, own: string) => (isKyber(material) ? [own] : ['DRV-17']);

function badSeeds({ kem, seed }: Material): CallDefinition[] {
  const flaws: Flaw[] = [
    ...lengthFlaws(seed, 'bad-length', DRAWN_SHORT),
    { name: 'of d alone', value: seed.slice(0, 64), reason: 'bad-length', against: DRAWN_SHORT },
  ];
  return flaws.map((flaw) => ({
    comment: `${kem}: a seed ${flaw.name}`,
    req: ['DRV-06'],
    args: { kem, seed: flaw.value },
    refused: refused(kem, 'seed', flaw),
  }));
}

const keygens = each((material) => {
  const { kem, seed } = material;
  const req = requirement(material, 'KEY-22');
  const flags = isKyber(material) ? ['RoundThree'] : [];
  return [
    { comment: `${kem}: key pair of a seed`, req, flags, args: { kem, seed } },
    ...(isSmallest(material) ? [{ comment: `${kem}: seed of zeros`, req, args: { kem, seed: '00'.repeat(64) } }] : []),
    ...badSeeds(material),
  ];
});

/** One seed, two expansions: the key pairs differ. */
const sameSeeds: CallDefinition[] = (['ML-KEM-1024', KYBER] as const).map((kem) => ({
  comment: `the seed that the other of the two gets too, expanded as ${kem}`,
  req: ['KEY-22', 'KEY-19'],
  flags: ['CrossVariant'],
  args: { kem, seed: fixedHex('a seed for both', 64) },
}));

function otherSets({ kem, public: own }: Material, field: 'public' | 'private' | 'ciphertext'): Flaw[] {
  const others = MATERIALS.filter((other) => other.public.length !== own.length && other.kem !== KYBER);
  return others.map((other) => ({
    name: `of ${other.kem}`,
    value: other[field],
    reason: 'bad-length',
    against: kem === KYBER ? 'PRIM-10' : LENGTHS_UNTESTED,
  }));
}

function badPublics(material: Material): CallDefinition[] {
  const { kem, rank, public: good } = material;
  const coins = fixedHex(`${kem} coins`);
  const form: Flaw[] = [
    ...lengthFlaws(good, 'bad-length', LENGTHS_UNTESTED),
    ...otherSets(material, 'public'),
    { name: 'behind a type byte', value: `08${good}`, reason: 'bad-length', against: 'PRIM-10' },
  ];
  const lengths = form.map((flaw) => ({
    comment: `${kem}: a public key ${flaw.name}`,
    req: ['KEY-12'],
    args: { kem, public: flaw.value, random: coins },
    refused: refused(kem, 'public key', flaw),
  }));
  const unreduced = unreducedFlaws(good, rank, 'unreduced-kem-key').map((flaw) => ({
    comment: `${kem}: a public key ${flaw.name}`,
    req: ['KEY-12'],
    flags: ['Unreduced'],
    args: { kem, public: flaw.value, random: coins },
    refused: refused(kem, 'public key', flaw),
    ...(isKyber(material) ? { verdicts: LENIENT } : {}),
  }));
  return [...lengths, ...unreduced];
}

function badCoins({ kem, public: good }: Material): CallDefinition[] {
  return lengthFlaws(fixedHex(`${kem} coins`), 'bad-length', 'PRIM-12').map((flaw) => ({
    comment: `${kem}: coins ${flaw.name}`,
    req: ['DRV-06'],
    args: { kem, public: good, random: flaw.value },
    refused: refused(kem, 'coins', flaw),
  }));
}

const encapsulations = each((material) => {
  const { kem, rank, public: good } = material;
  const req = requirement(material, 'KEY-21');
  const last = rank * 256 - 1;
  const run = (comment: string, key: string, random: string, flags: readonly string[] = []): CallDefinition => ({
    comment: `${kem}: ${comment}`,
    req,
    flags: isKyber(material) ? ['RoundThree', ...flags] : flags,
    args: { kem, public: key, random },
    trace: true,
  });
  return [
    run('encapsulation', good, fixedHex(`${kem} coins`)),
    run('encapsulation under other coins', good, fixedHex(`${kem} other coins`)),
    run('coins of ones', good, 'ff'.repeat(32)),
    run('a key whose first coefficient is q − 1', withCoefficient(good, 0, 3_328), fixedHex('coins'), ['Boundary']),
    run('a key whose last coefficient is q − 1', withCoefficient(good, last, 3_328), fixedHex('coins'), ['Boundary']),
    ...badPublics(material),
    ...badCoins(material),
  ];
});

/** Damage that leaves the decrypted message as it was: only the comparison of all bytes finds it. */
function quietDamage({ split, ciphertext }: Material): [name: string, value: string][] {
  const bits = ciphertext.length * 4;
  return [
    ['the first byte of c1', flipped(ciphertext, 0)],
    ['the last byte of c1', flipped(ciphertext, split * 8 - 8)],
    ['the first byte of c2', flipped(ciphertext, split * 8)],
    ['the last byte of c2', flipped(ciphertext, bits - 8)],
  ];
}

const rejections = each((material) => {
  const { kem, seed, ciphertext } = material;
  const zeros = '00'.repeat(ciphertext.length / 2);
  const loud: [string, string][] = [
    ['a high bit in the middle', flipped(ciphertext, (ciphertext.length / 4) * 8 + 7)],
    ['every byte, to zero', zeros],
    ['every byte, to ff', zeros.replaceAll('0', 'f')],
  ];
  const flags = ['ImplicitRejection', ...(isKyber(material) ? ['DeployedRejection'] : [])];
  const test = (name: string, value: string, more: readonly string[]): CallDefinition => ({
    comment: `${kem}: implicit rejection, ciphertext changed in ${name}`,
    req: ['KEY-14', ...(isKyber(material) ? ['KEY-21'] : [])],
    flags: [...flags, ...more],
    args: { kem, private: seed, ciphertext: value },
    trace: true,
  });
  return [
    ...quietDamage(material).map(([name, value]) => test(name, value, ['SameMessage'])),
    ...loud.map(([name, value]) => test(name, value, [])),
  ];
});

const decapsulations = each((material) => {
  const { kem, seed, private: expanded, ciphertext } = material;
  const req = ['KEY-14', ...(isKyber(material) ? ['KEY-21', 'KEY-22'] : [])];
  const flags = isKyber(material) ? ['RoundThree'] : [];
  const damaged = flipped(ciphertext, ciphertext.length * 4 - 8);
  const rejecting = [...flags, 'ImplicitRejection', ...(isKyber(material) ? ['DeployedRejection'] : [])];
  const rejected: CallDefinition = {
    comment: `${kem}: implicit rejection with the expanded key`,
    req,
    flags: rejecting,
    args: { kem, private: expanded, ciphertext: damaged },
    trace: true,
  };
  return [
    { comment: `${kem}: with the seed`, req, flags, args: { kem, private: seed, ciphertext }, trace: true },
    { comment: `${kem}: with the expanded key`, req, flags, args: { kem, private: expanded, ciphertext }, trace: true },
    ...(isSmallest(material) || isKyber(material) ? [rejected] : []),
  ];
});

/** One key and one ciphertext, read as either KEM: the secrets differ. */
const crossed: CallDefinition[] = MATERIALS.filter(({ rank }) => rank === 4).flatMap((material) => {
  const { private: expanded, ciphertext } = material;
  const others = (['ML-KEM-1024', KYBER] as const).filter((kem) => kem !== material.kem);
  return others.map((kem) => ({
    comment: `key and ciphertext of ${material.kem}, decapsulated as ${kem}`,
    req: ['KEY-19', 'KEY-21'],
    flags: ['CrossVariant'],
    args: { kem, private: expanded, ciphertext },
    trace: true,
  }));
});

function badCiphertexts(material: Material): CallDefinition[] {
  const { kem, seed, ciphertext } = material;
  const flaws: Flaw[] = [
    ...lengthFlaws(ciphertext, 'bad-length', 'PRIM-09'),
    ...otherSets(material, 'ciphertext'),
    { name: 'behind a type byte', value: `08${ciphertext}`, reason: 'bad-length', against: 'PRIM-09' },
  ];
  return flaws.map((flaw) => ({
    comment: `${kem}: a ciphertext ${flaw.name}`,
    req: ['KEY-14'],
    args: { kem, private: seed, ciphertext: flaw.value },
    refused: refused(kem, 'ciphertext', flaw),
  }));
}

function badPrivates(material: Material): CallDefinition[] {
  const { kem, seed, private: expanded, ciphertext } = material;
  const length = (name: string, value: string): Flaw => ({
    name,
    value,
    reason: 'bad-length',
    against: LENGTHS_UNTESTED,
  });
  const flaws: Flaw[] = [
    length('empty', ''),
    length('of d alone', seed.slice(0, 64)),
    length('of a seed one byte short', seed.slice(0, -2)),
    length('of a seed one byte long', `${seed}00`),
    length('expanded, one byte short', expanded.slice(0, -2)),
    ...(isSmallest(material) ? [length('expanded, one byte long', `${expanded}00`)] : []),
    ...otherSets(material, 'private').slice(0, 1),
  ];
  return flaws.map((flaw) => ({
    comment: `${kem}: a private key ${flaw.name}`,
    req: ['KEY-13'],
    args: { kem, private: flaw.value, ciphertext },
    refused: refused(kem, 'private key', flaw),
  }));
}

/** The expanded key is dk ‖ ek ‖ H(ek) ‖ z. */
function disagreeing(material: Material): CallDefinition[] {
  const { kem, private: expanded, public: key, ciphertext } = material;
  const bits = expanded.length * 4;
  const hash = bits - 512;
  const flaws: readonly [name: string, value: string][] = [
    ['last bit of H(ek)', flipped(expanded, hash + 255)],
    ['last bit of rho', flipped(expanded, hash - 1)],
    ['first bit of H(ek)', flipped(expanded, hash)],
    ['first bit of ek', flipped(expanded, hash - key.length * 4)],
  ];
  return flaws.slice(0, isSmallest(material) ? 4 : 2).map(([name, value]) => ({
    comment: `${kem}: an expanded key with another ${name}`,
    req: ['KEY-13'],
    args: { kem, private: value, ciphertext },
    refused: { check: `${kem} expanded key, ${name}`, reason: 'kem-key-hash-mismatch', against: 'PRIM-08' },
  }));
}

const LINKS = {
  comparison: 'https://github.com/C2SP/wycheproof/pull/254',
  variants: [
    'https://github.com/paulmillr/noble-post-quantum/issues/29',
    'https://github.com/open-quantum-safe/liboqs/issues/2102',
  ],
};

export const kem: Family = {
  name: 'kem',
  algorithm: 'ML-KEM (FIPS 203) and CRYSTALS-Kyber-1024 round 3',
  header: [
    'Keys and ciphertexts raw, without type byte. A private key is a seed d ‖ z of 64 bytes or the expanded decapsulation key.',
    'kem.shared is ML-KEM’s own secret; Kyber-1024 round 3 answers SHAKE256(kem.shared ‖ SHA3-256(ciphertext), 32).',
  ],
  notes: {
    RoundThree: { description: 'Seed expanded as G(d), coins hashed before use, secret hashed with the ciphertext.' },
    CrossVariant: {
      description: 'The same input is given to ML-KEM-1024 and to Kyber-1024 round 3, which must answer differently.',
      links: LINKS.variants,
    },
    Boundary: { description: 'A coefficient of q − 1, the largest that there is: accepted.' },
    Unreduced: { description: 'A coefficient of q or more (FIPS 203 §7.2). The deployed Kyber-1024 accepts it.' },
    ImplicitRejection: { description: 'The answer is the secret of rejection, never an error.' },
    DeployedRejection: {
      description:
        'The secret of rejection is ML-KEM’s, J(z ‖ c), hashed with the ciphertext, as deployed; the submission of round 3 has z in place of J(z ‖ c).',
    },
    SameMessage: {
      description:
        'Decrypts to the same message: found only where every byte is compared with what is encrypted again.',
      links: [LINKS.comparison],
    },
  },
  groups: [
    { type: 'KemKeygen', spec: 'spec/01-keys.md §6', op: 'kem.keygen', tests: [...keygens, ...sameSeeds] },
    { type: 'KemEncapsulate', spec: 'spec/01-keys.md §6', op: 'kem.encapsulate', tests: encapsulations },
    {
      type: 'KemDecapsulate',
      spec: 'spec/01-keys.md §6',
      op: 'kem.decapsulate',
      tests: [
        ...decapsulations,
        ...rejections,
        ...crossed,
        ...each(badCiphertexts),
        ...each(badPrivates),
        ...each(disagreeing),
      ],
    },
  ],
};
