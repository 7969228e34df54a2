/**
 * What is refused in any message that is Protocol Buffers, field by field.
 *
 * @spec 04-messages §1, §2
 * Owns: flaws of fields, tags, groups and truncations, for every layout alike. Must not know: single messages.
 */
import type { CallDefinition } from './definition.ts';
import { flipped } from './definition.ts';
import { formFlaws, rangeFlaws } from './flaws.ts';
import { encoded, type Field, fieldsOf, type Layout } from './layouts.ts';
import {
  BYTES,
  bytesField,
  END_GROUP,
  FIXED_32,
  FIXED_64,
  group,
  nested,
  numberField,
  START_GROUP,
  tag,
  VARINT,
  varint,
} from './protobuf.ts';

const LENIENT = { strict: 'invalid', libsignal: 'valid' } as const;

/** A field that no message has. */
const UNKNOWN = 99;
/** Its tag, for a number. */
const UNKNOWN_TAG = UNKNOWN * 8;
/** Groups that may stand inside each other. */
const DEEPEST = 100;

/** What is wrong with a body. */
export interface BodyFlaw {
  readonly what: string;
  readonly reason: string;
  readonly against?: string;
  readonly req?: readonly string[];
  readonly lenient?: boolean;
}

/** A body that is refused. */
export function refused({ type, name, req }: Layout, body: string, flaw: BodyFlaw): CallDefinition {
  const { what, reason, against = 'PAR-01', lenient = false } = flaw;
  return {
    comment: `${name}: ${what}`,
    req: flaw.req ?? req,
    args: { type, body },
    refused: { reason, against, check: `${name} ${what}` },
    ...(lenient ? { verdicts: LENIENT } : {}),
  };
}

/** A message in which one field is written otherwise. */
export function withField(layout: Layout, field: Field, written: string): string {
  const { fields } = layout;
  const at = fields.indexOf(field);
  return encoded(layout, fieldsOf(fields.slice(0, at)) + written + fieldsOf(fields.slice(at + 1)));
}

/** The requirement that most refusals are about. */
const WIRE = ['MSG-03'];

const WIRE_TYPES: readonly (readonly [string, number, (field: number) => string])[] = [
  ['a number', VARINT, (field) => numberField(field, 5)],
  ['64 bits', FIXED_64, (field) => tag(field, FIXED_64) + '11'.repeat(8)],
  ['bytes', BYTES, (field) => bytesField(field, '05')],
  ['a group', START_GROUP, (field) => group(field, '')],
  ['the end of a group', END_GROUP, (field) => tag(field, END_GROUP)],
  ['32 bits', FIXED_32, (field) => tag(field, FIXED_32) + '22'.repeat(4)],
];

function wireTypeFlaws(layout: Layout, field: Field): CallDefinition[] {
  const own = typeof field.value === 'string' ? BYTES : VARINT;
  const others = WIRE_TYPES.filter(([, type]) => type !== own);
  const usual = others.filter(([, type]) => type === VARINT || type === BYTES || type === FIXED_32);
  return (layout.thorough ? others : usual).map(([as, , write]) =>
    // The good field stands in front, so that who passes over the other one accepts the message.
    refused(layout, withField(layout, field, fieldsOf([field]) + write(field.number)), {
      what: `${field.name} once more, as ${as}`,
      reason: 'wrong-wire-type',
      req: WIRE,
    }),
  );
}

/** Lengths that no bytes stand behind. */
function lengthsPastEnd(layout: Layout, field: Field, value: string): CallDefinition[] {
  const rest = fieldsOf(layout.fields.slice(layout.fields.indexOf(field) + 1)).length / 2;
  const true_ = BigInt(value.length / 2);
  const lengths: readonly (readonly [string, bigint])[] = [
    ['one beyond the end', true_ + BigInt(rest) + 1n],
    ['of 2^31', 2n ** 31n],
    ['of 2^32 and its own', 2n ** 32n + true_],
    ['of 2^63 and its own', 2n ** 63n + true_],
  ];
  return lengths.map(([name, length]) =>
    refused(layout, withField(layout, field, bytesField(field.number, value, varint(length))), {
      what: `${field.name} with a length ${name}`,
      reason: 'length-past-end',
      req: WIRE,
    }),
  );
}

/** Varints that are none, and that say the true value to whoever does not notice. */
const LONG_VARINTS: readonly (readonly [string, (value: number) => string])[] = [
  ['in 11 bytes', (value) => varint(value, 11)],
  ['and 2^64', (value) => flipped(varint(value, 10), -7)],
  ['in bytes that never end', () => 'ff'.repeat(12)],
];

function varintFlaws(layout: Layout, field: Field): CallDefinition[] {
  const { value, number } = field;
  const isNumber = typeof value === 'number';
  return LONG_VARINTS.map(([name, long]) => {
    const written = isNumber ? numberField(number, long(value)) : bytesField(number, value, long(value.length / 2));
    return refused(layout, withField(layout, field, written), {
      what: `${field.name} with its ${isNumber ? 'value' : 'length'} ${name}`,
      reason: 'varint-too-long',
      req: WIRE,
    });
  });
}

/** The fields end within this one, which stands last: to whoever does not notice, nothing is missing. */
function truncations(layout: Layout, field: Field): CallDefinition[] {
  const { fields } = layout;
  const before = fieldsOf(fields.filter((other) => other !== field));
  const cut = (what: string, reason: string, written: string) =>
    refused(layout, encoded(layout, before + written), { what: `${field.name} ${what}`, reason, req: WIRE });
  const { value, number } = field;
  if (typeof value === 'number') {
    return [
      cut('cut off behind its tag', 'varint-truncated', tag(number, VARINT)),
      cut('cut off within its number', 'varint-truncated', `${tag(number, VARINT)}ff`),
    ];
  }
  const whole = bytesField(number, value);
  return [
    cut('cut off behind its tag', 'varint-truncated', tag(number, BYTES)),
    cut('cut off behind its length', 'length-past-end', bytesField(number, '', varint(value.length / 2))),
    cut('cut off one byte early', 'length-past-end', whole.slice(0, -2)),
  ];
}

function missing(layout: Layout, field: Field): CallDefinition[] {
  if (!field.required) return [];
  const { fields } = layout;
  const last = fields.findLast(({ required }) => required);
  const without = refused(layout, withField(layout, field, ''), {
    what: `without ${field.name}`,
    reason: 'missing-field',
    against: field.name.startsWith('KEM') ? 'PQX-07' : 'PAR-01',
  });
  if (field === fields[0] || field !== last) return [without];
  const early = fieldsOf(fields.slice(0, fields.indexOf(field)));
  if (field === fields.at(-1)) return [without];
  return [
    without,
    refused(layout, encoded(layout, early), { what: `that ends before ${field.name}`, reason: 'missing-field' }),
  ];
}

function contentFlaws(layout: Layout, field: Field): CallDefinition[] {
  const { name, number, value, content, length } = field;
  if (typeof value !== 'string') return [];
  const write = (bytes: string) => withField(layout, field, bytesField(number, bytes));
  if (content === 'key') {
    const u = Uint8Array.from(Buffer.from(value.slice(2), 'hex'));
    return [...formFlaws(value), ...rangeFlaws(u)].map((flaw) =>
      refused(layout, write(flaw.value), {
        what: `${name} ${flaw.name}`,
        reason: flaw.reason,
        against: flaw.against,
        req: ['MSG-06'],
        lenient: flaw.lenient === true && (flaw.reason !== 'bad-length' || layout.dropsTrailing),
      }),
    );
  }
  if (length === undefined) return [];
  const wrong: readonly (readonly [string, string])[] = [
    ['empty', ''],
    [`of ${length - 1} bytes`, value.slice(0, -2)],
    [`of ${length + 1} bytes`, `${value}00`],
  ];
  return wrong.map(([how, bytes]) => refused(layout, write(bytes), { what: `${name} ${how}`, reason: 'bad-length' }));
}

/** Everything that is wrong with one field. */
export function fieldFlaws(layout: Layout): CallDefinition[] {
  return layout.fields.flatMap((field) => [
    ...missing(layout, field),
    ...wireTypeFlaws(layout, field),
    ...(typeof field.value === 'string' ? lengthsPastEnd(layout, field, field.value) : []),
    ...varintFlaws(layout, field),
    ...truncations(layout, field),
    ...contentFlaws(layout, field),
  ]);
}

const open = tag(UNKNOWN, START_GROUP);
const close = tag(UNKNOWN, END_GROUP);

/** What is wrong, why it is refused, and its bytes. */
type Stray = readonly [what: string, reason: string, bytes: string];

/** Stray fields that are tried on every message. */
const USUAL_STRAY: readonly Stray[] = [
  ['a field number 0', 'field-zero', '0000'],
  ['a tag of wire type 6 and a number', 'bad-tag', `${tag(UNKNOWN, 6)}00`],
  ['a tag of wire type 7 and nothing', 'bad-tag', tag(UNKNOWN, 7)],
  ['a tag that is one but for 2^32', 'bad-tag', `${varint(2n ** 32n + BigInt(UNKNOWN_TAG))}00`],
  ['a tag that is cut off', 'varint-truncated', '98'],
  ['an unknown number of 11 bytes', 'varint-too-long', tag(UNKNOWN, VARINT) + varint(5, 11)],
  ['unknown bytes of which one lacks', 'length-past-end', bytesField(UNKNOWN, '1111', '03')],
  ['the end of a group that never began', 'group-mismatch', close],
  ['a group that never ends', 'unterminated-group', open],
  ['a group that ends under another number', 'group-mismatch', open + tag(UNKNOWN - 1, END_GROUP)],
  [`groups ${DEEPEST + 1} deep`, 'group-too-deep', nested(UNKNOWN, DEEPEST + 1)],
];

/** Those that one message is enough for: what reads it reads all. */
const STRAY: readonly Stray[] = [
  ...USUAL_STRAY,
  ['a field number 0 of bytes', 'field-zero', '0200'],
  ['a field number 0 in a longer tag', 'field-zero', '808000'],
  ['a tag of 11 bytes', 'varint-too-long', `${varint(UNKNOWN_TAG, 11)}00`],
  ['a tag that is one but for 2^64', 'varint-too-long', `${flipped(varint(UNKNOWN_TAG, 10), -7)}00`],
  ['an unknown number that is cut off', 'varint-truncated', `${tag(UNKNOWN, VARINT)}80`],
  ['unknown 64 bits of which one byte lacks', 'length-past-end', tag(UNKNOWN, FIXED_64) + '11'.repeat(7)],
  ['unknown 32 bits of which one byte lacks', 'length-past-end', tag(UNKNOWN, FIXED_32) + '11'.repeat(3)],
  ['unknown bytes with a length of 2^32', 'length-past-end', bytesField(UNKNOWN, '', varint(2n ** 32n))],
  ['groups that end crosswise', 'group-mismatch', `${open + tag(98, START_GROUP)}${close}${tag(98, END_GROUP)}`],
  ['a group with a group that never ends', 'unterminated-group', open + tag(98, START_GROUP) + tag(98, END_GROUP)],
  ['a group with a field number 0', 'field-zero', `${open}0000${close}`],
  ['a group with a tag of wire type 7', 'bad-tag', open + tag(98, 7) + close],
  ['a group with bytes beyond its end', 'length-past-end', open + bytesField(98, '', '7f') + close],
];

/** Stray tags, numbers and groups behind a good message. */
export function strayFlaws(layout: Layout): CallDefinition[] {
  const fields = fieldsOf(layout.fields);
  return (layout.thorough ? STRAY : USUAL_STRAY).map(([what, reason, bytes]) =>
    refused(layout, encoded(layout, fields + bytes), { what: `with ${what}`, reason, req: WIRE }),
  );
}

/** High nibbles of the first byte. */
export function versionFlaws(layout: Layout, known: readonly number[]): CallDefinition[] {
  const [oldest = 3] = known;
  const rest = encoded(layout, fieldsOf(layout.fields)).slice(2);
  return Array.from({ length: 16 }, (_, version) => version)
    .filter((version) => !known.includes(version))
    .map((version) =>
      refused(layout, `${version.toString(16)}4${rest}`, {
        what: `of version ${version}`,
        reason: version < oldest ? 'version-too-old' : 'version-unrecognised',
        against: 'RAT-04',
        req: ['MSG-12', 'SKY-01'],
      }),
    );
}

function accepted({ type, name }: Layout, body: string, what: string, flags: string[] = []): CallDefinition {
  return { comment: `${name}: ${what}`, req: ['MSG-02'], flags, args: { type, body } };
}

/** Numbers that mean another one than they seem to. */
const LOOSE_NUMBERS: readonly (readonly [string, string])[] = [
  ['in 10 bytes', varint(7, 10)],
  ['of 2^32 + 7, cut to 7', varint(2n ** 32n + 7n)],
  ['of 2^64 − 1, cut to 2^32 − 1', varint(2n ** 64n - 1n)],
  ['of 2^32 − 1', varint(2n ** 32n - 1n)],
  ['of 0', '00'],
];

/** What peers may send and no canonical writer does: it is read all the same. */
export function looseForms(layout: Layout): CallDefinition[] {
  const { fields } = layout;
  const good = fieldsOf(fields);
  const loose = (what: string, body: string) => accepted(layout, encoded(layout, body), what, ['Loose']);
  const numbers = fields.filter(({ value, name }) => typeof value === 'number' && name !== 'time');
  const twice = (field: Field) => fieldsOf([{ ...field, value: typeof field.value === 'string' ? '' : 1 }, field]);
  return [
    accepted(layout, encoded(layout, good), 'every field, canonical'),
    ...(fields.every(({ required }) => required)
      ? []
      : [
          accepted(
            layout,
            encoded(layout, fieldsOf(fields.filter(({ required }) => required))),
            'what is required alone',
          ),
        ]),
    loose('fields in reverse order', fieldsOf(fields.toReversed())),
    loose('every field twice, the last counts', good + good),
    ...fields.map((field) =>
      accepted(layout, withField(layout, field, twice(field)), `${field.name} once spoilt, then good`, ['Loose']),
    ),
    loose('an unknown number', good + numberField(UNKNOWN, 2n ** 64n - 1n)),
    loose('unknown bytes', good + bytesField(UNKNOWN, '00ff')),
    loose('unknown 64 bits', good + tag(UNKNOWN, FIXED_64) + '11'.repeat(8)),
    loose('unknown 32 bits', good + tag(UNKNOWN, FIXED_32) + '11'.repeat(4)),
    loose('an unknown group', good + group(UNKNOWN, numberField(1, 1) + bytesField(2, '00') + group(3, ''))),
    loose(`groups ${DEEPEST} deep`, good + nested(UNKNOWN, DEEPEST)),
    loose('the largest field number', good + numberField(2 ** 29 - 1, 0)),
    loose('unknown fields in front', numberField(UNKNOWN, 1) + good),
    ...numbers.flatMap((field) =>
      LOOSE_NUMBERS.map(([how, value]) =>
        accepted(layout, withField(layout, field, numberField(field.number, value)), `${field.name} ${how}`, ['Loose']),
      ),
    ),
  ];
}
