/**
 * The relay, for programs that embed it.
 *
 * @spec 06-relay §9
 * Owns: what is public of `pawl/server`. Must not know: anything else.
 */
export { type Relay, type RelayOptions, startRelay } from './relay.ts';
