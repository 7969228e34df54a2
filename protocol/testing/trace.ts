/**
 * What a computation comes past on its way, by name.
 *
 * @spec 15-driver-lab §2
 * Owns: which value has which label. Must not know: who asks. Nothing in the protocol knows that it is watched: every derivation
 * says in its own input what it is, and that input is read here. Only the driver may ship it (CNV-13): it copies secrets.
 */
import { toHex, utf8 } from '../bytes/bytes.ts';
import type { Secret } from '../bytes/secret.ts';
import type { CryptoProvider, Encapsulation } from '../crypto/provider.ts';
import {
  GROUP_MESSAGE_KEYS_LABEL,
  MESSAGE_KEYS_LABEL,
  ROOT_LABEL,
  SCKA_AUTHENTICATOR_LABEL,
  SCKA_CIPHERTEXT_MAC_LABEL,
  SCKA_HEADER_MAC_LABEL,
  SCKA_KEY_LABEL,
  SPQR_CHAIN_ADD_EPOCH_LABEL,
  SPQR_CHAIN_NEXT_LABEL,
  SPQR_CHAIN_START_LABEL,
  X3DH_LABEL,
} from '../labels.ts';

/** Values as hex, by label. */
export type Intermediate = Readonly<Record<string, string>>;

/** One HKDF, as hex. */
interface Derivation {
  readonly ikm: string;
  readonly salt: string;
  readonly info: string;
  readonly okm: string;
}

/** 32 bytes as hex. */
const KEY = 64;
const SEED_INPUT = '01';
const CHAIN_INPUT = '02';

const hexOf = (label: string) => toHex(utf8(label));
const CHAIN_NEXT = hexOf(SPQR_CHAIN_NEXT_LABEL);

/** The n-th 32 bytes. */
const part = (hex: string, n: number) => hex.slice(n * KEY, (n + 1) * KEY);

type Named = readonly (readonly [label: string, value: string])[];

/** F ‖ DH1 ‖ … ‖ KEM secret: three secrets come out exactly where a KEM secret goes in. */
function handshake({ ikm, info, okm }: Derivation): Named {
  const withKem = okm.length > 2 * KEY;
  const agreements = ikm.length / KEY - (withKem ? 2 : 1);
  return [
    ...Array.from({ length: agreements }, (_, i) => [`handshake.dh${i + 1}`, part(ikm, i + 1)] as const),
    ['handshake.kemShared', withKem ? ikm.slice(-KEY) : ''],
    ['handshake.ikm', ikm],
    ['handshake.info', info],
    ['handshake.rootKey', part(okm, 0)],
    ['handshake.chainKey', part(okm, 1)],
    ['handshake.pqRatchetKey', part(okm, 2)],
  ];
}

function root({ ikm, salt, okm }: Derivation): Named {
  return [
    ['root.agreement', ikm],
    ['root.salt', salt],
    ['root.rootKey', part(okm, 0)],
    ['root.chainKey', part(okm, 1)],
  ];
}

function message({ ikm, salt, okm }: Derivation): Named {
  return [
    ['message.seed', ikm],
    ['message.pqKey', salt],
    ['message.cipherKey', part(okm, 0)],
    ['message.macKey', part(okm, 1)],
    ['message.iv', part(okm, 2)],
  ];
}

function group({ ikm, okm }: Derivation): Named {
  return [
    ['group.seed', ikm],
    ['group.iv', okm.slice(0, KEY / 2)],
    ['group.cipherKey', okm.slice(KEY / 2)],
  ];
}

function authenticator({ ikm, info, okm }: Derivation): Named {
  return [
    ['spqr.auth.ikm', ikm],
    ['spqr.auth.info', info],
    ['spqr.auth.rootKey', part(okm, 0)],
    ['spqr.auth.macKey', part(okm, 1)],
  ];
}

function epochSecret({ ikm, okm }: Derivation): Named {
  return [
    ['spqr.kemShared', ikm],
    ['spqr.epochSecret', okm],
  ];
}

function chainKeys({ ikm, salt, okm }: Derivation): Named {
  return [
    ['spqr.chain.ikm', ikm],
    ['spqr.chain.salt', salt],
    ['spqr.chain.rootKey', part(okm, 0)],
    ['spqr.chain.a2b', part(okm, 1)],
    ['spqr.chain.b2a', part(okm, 2)],
  ];
}

/** By the beginning of `info`. The label of X3DH is also how those of PQXDH begin. */
const RULES: readonly (readonly [string, (derivation: Derivation) => Named])[] = [
  [hexOf(X3DH_LABEL), handshake],
  [hexOf(ROOT_LABEL), root],
  [hexOf(MESSAGE_KEYS_LABEL), message],
  [hexOf(GROUP_MESSAGE_KEYS_LABEL), group],
  [hexOf(SCKA_AUTHENTICATOR_LABEL), authenticator],
  [hexOf(SCKA_KEY_LABEL), epochSecret],
  [hexOf(SPQR_CHAIN_START_LABEL), chainKeys],
  [hexOf(SPQR_CHAIN_ADD_EPOCH_LABEL), chainKeys],
];

/** By the beginning of the input; every other one is over a message. */
const MACS: readonly (readonly [string, string])[] = [
  [hexOf(SCKA_HEADER_MAC_LABEL), 'spqr.headerMac'],
  [hexOf(SCKA_CIPHERTEXT_MAC_LABEL), 'spqr.ciphertextMac'],
];

/** A step of a post-quantum chain that made a message key. */
interface PqStep {
  readonly index: number;
  readonly key: string;
  readonly okm: string;
}

/** Watches one computation: it must use `provider`. */
export class Trace {
  readonly provider: CryptoProvider;
  readonly #named: (readonly [string, string])[] = [];
  /** Of every chain that was stepped: seed → chain key, chain key → the next. */
  readonly #chainKeys = new Map<string, string>();
  readonly #nextKeys = new Map<string, string>();
  readonly #pqSteps: PqStep[] = [];

  constructor(provider: CryptoProvider) {
    const secret = <S extends Secret>(shared: S): S => {
      this.#name('kem.shared', toHex(shared.expose()));
      return shared;
    };
    this.provider = {
      ...provider,
      hmacSha256: (key, data) => {
        const tag = provider.hmacSha256(key, data);
        this.#hmac(toHex(key), toHex(data), toHex(tag));
        return tag;
      },
      hkdfSha256: (ikm, salt, info, length) => {
        const okm = provider.hkdfSha256(ikm, salt, info, length);
        const derivation = { ikm: toHex(ikm), salt: toHex(salt), info: toHex(info), okm: toHex(okm) };
        this.#hkdf(derivation, () => toHex(provider.hmacSha256(salt, ikm)));
        return okm;
      },
      kemEncapsulate: (set, publicKey, random): Encapsulation => {
        const made = provider.kemEncapsulate(set, publicKey, random);
        secret(made.sharedSecret);
        return made;
      },
      kemDecapsulate: (set, privateKey, ciphertext) => secret(provider.kemDecapsulate(set, privateKey, ciphertext)),
    };
  }

  #name(label: string, value: string): void {
    if (value !== '') this.#named.push([label, value]);
  }

  #hmac(key: string, data: string, tag: string): void {
    if (data === SEED_INPUT) this.#chainKeys.set(tag, key);
    else if (data === CHAIN_INPUT) this.#nextKeys.set(key, tag);
    else {
      const rule = MACS.find(([beginning]) => data.startsWith(beginning));
      const label = rule?.[1] ?? 'message.mac';
      this.#name(`${label}Input`, data);
      this.#name(label, tag);
    }
  }

  #hkdf(derivation: Derivation, prk: () => string): void {
    const { info, okm, ikm } = derivation;
    const rule = RULES.find(([label]) => info.startsWith(label))?.[1];
    if (rule !== undefined) for (const [label, value] of rule(derivation)) this.#name(label, value);
    else if (!info.endsWith(CHAIN_NEXT)) this.#name('hkdf.prk', prk());
    // A shorter one carries a chain past a key that nobody keeps.
    else if (okm.length === 2 * KEY) {
      this.#pqSteps.push({ index: Number.parseInt(info.slice(0, 8), 16), key: ikm, okm });
    }
  }

  /** The steps whose keys are a message's: those passed over on the way are nobody's yet. */
  #steps(): Named {
    const salts = new Set(this.#named.flatMap(([label, value]) => (label === 'message.pqKey' ? [value] : [])));
    const used = this.#pqSteps.filter(({ okm }) => salts.has(part(okm, 1)));
    const last = this.#pqSteps.reduce<PqStep | null>((a, b) => (a !== null && a.index > b.index ? a : b), null);
    const steps = salts.size > 0 ? used : last === null ? [] : [last];
    const seeds = this.#named.filter(([label]) => label === 'message.seed' || label === 'group.seed');
    return [
      ...seeds.flatMap(([label, seed]) => {
        const place = label.slice(0, label.indexOf('.'));
        const key = this.#chainKeys.get(seed) ?? '';
        return [
          [`${place}.chainKey`, key],
          [`${place}.nextChainKey`, this.#nextKeys.get(key) ?? ''],
        ] as const;
      }),
      ...steps.flatMap(({ key, okm }) => [
        ['spqr.message.chainKey', key] as const,
        ['spqr.message.nextChainKey', part(okm, 0)] as const,
        ['spqr.message.key', part(okm, 1)] as const,
      ]),
    ];
  }

  /** Everything that has a label; a further value of one label is numbered, `.2` and so on. */
  intermediate(): Intermediate {
    const values = new Map<string, Set<string>>();
    for (const [label, value] of [...this.#named, ...this.#steps()]) {
      if (value !== '') values.set(label, (values.get(label) ?? new Set()).add(value));
    }
    // @req DRV-25
    const entries = [...values].flatMap(([label, distinct]) =>
      [...distinct].map((value, i): [string, string] => [i === 0 ? label : `${label}.${i + 1}`, value]),
    );
    return Object.fromEntries(entries);
  }
}
