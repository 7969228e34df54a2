/**
 * Where a value on the way is defined.
 *
 * @spec 15-driver-lab §2
 * Owns: label of a trace → section of the specification, as the table there has it. Must not know: values.
 */

/** Beginning of a label → section. The longest that fits holds. */
const SECTIONS: Readonly<Record<string, string>> = {
  'handshake.': 'spec/02-handshake.md §3',
  'handshake.info': 'spec/02-handshake.md §4',
  'root.': 'spec/03-ratchet.md §1',
  'message.': 'spec/03-ratchet.md §2',
  'message.mac': 'spec/05-sessions.md §4',
  'message.macKey': 'spec/03-ratchet.md §2',
  'group.': 'spec/13-groups.md §4',
  'kem.': 'spec/01-keys.md §6',
  'spqr.': 'spec/08-braid.md §5',
  'spqr.chain.': 'spec/08-braid.md §6',
  'spqr.message.': 'spec/08-braid.md §6',
  'hkdf.': 'RFC 5869 §2.2',
};

/** The section that defines the value under a label, `<label>.2` included; null for no label of ours. */
export function sectionOf(label: string): string | null {
  const fitting = Object.keys(SECTIONS).filter((beginning) => label.startsWith(beginning));
  const longest = fitting.sort((a, b) => b.length - a.length)[0];
  return longest === undefined ? null : (SECTIONS[longest] as string);
}

/** A label without the number of a value that comes a second time. */
export function plainLabel(label: string): string {
  return label.replace(/\.\d+$/, '');
}
