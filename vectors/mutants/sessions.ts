/**
 * Mutants of sessions.
 *
 * @spec 14-vectors §7
 * Owns: their changes. Must not know: how they are run.
 */
import type { Mutant } from './mutant.ts';

const DECRYPT = 'protocol/session/decrypt.ts';

export const SESSION_MUTANTS: readonly Mutant[] = [
  {
    name: 'advanced-before-authentication',
    wrong: 'keeps the state that a message leads to before it looks at the MAC: one forgery ends the session',
    origin: 'https://github.com/guardyn/guardyn/issues/106',
    family: 'session-dialogues',
    changes: [
      {
        file: DECRYPT,
        text: 'const plaintext = openMessage(provider,',
        becomes: `const early = finishTriple(provider, trial.random, state, pending, work);
    Object.assign(state, early.state);
    const plaintext = openMessage(provider,`,
      },
      {
        file: DECRYPT,
        text: 'const step = finishTriple(provider, trial.random, state, pending, work);',
        becomes: 'const step = early;',
      },
      { file: DECRYPT, text: 'dropTriple(state, pending);', becomes: '' },
    ],
  },
  {
    name: 'handshake-sent-once',
    wrong: 'puts the handshake in front of the first message alone, before anybody has answered',
    origin: 'STATE-06',
    family: 'session-dialogues',
    changes: [
      {
        file: 'protocol/session/encrypt.ts',
        text: 'current: { ...state, ...step.state }',
        becomes: 'current: { ...state, ...step.state, pending: null }',
      },
    ],
  },
  {
    name: 'hybrid-stripped-silently',
    wrong: 'falls back to X3DH where a bundle has no KEM key and the policy wants one',
    origin: 'https://github.com/skycoin/skywire/pull/3153',
    family: 'session-dialogues',
    changes: [
      {
        file: 'protocol/handshake/suites.ts',
        text: "if (classical === undefined) throw new ProtocolError('NotAllowed', 'policy', 'no-kem-prekey', 'kemPreKey');",
        becomes: 'if (classical === undefined) return SUITES[0];',
      },
    ],
  },
  {
    name: 'base-key-forgotten',
    wrong: 'begins a session again from a first message without a one-time key whose session it no longer has',
    origin: 'REPLAY-02',
    family: 'session-dialogues',
    changes: [
      {
        file: 'protocol/session/establish.ts',
        text: 'if (preKeys.baseKeySeen(message.signedPreKeyId, message.kemPreKeyId, message.baseKey)) {',
        becomes: 'if (false) {',
      },
    ],
  },
  {
    name: 'addresses-unchecked',
    wrong: 'reads a first message that was made for another address',
    origin: 'PQX-05',
    family: 'session-dialogues',
    changes: [
      {
        file: 'protocol/session/message-crypto.ts',
        text: 'if (message.addresses === null) return true;',
        becomes: 'return true;',
      },
    ],
  },
];
