/**
 * The client's public surface: a device over a store, a witness and a relay.
 *
 * @packageDocumentation
 * @spec 07-devices
 * Owns: what is public. Must not know: Node: SQLite and file storage have an entry of their own (`pawl/client/sqlite`).
 */

export type { DeviceManifest, ManifestDevice } from '../protocol/codec/manifest.ts';
export type { SuiteName } from '../protocol/handshake/suites.ts';
export { DEFAULT_SUITE, getSuite, SUITES } from '../protocol/handshake/suites.ts';
export type { Clock } from './clock.ts';
export { systemClock } from './clock.ts';
export { MAX_BODY_BYTES } from './content.ts';
export { Device } from './device.ts';
export { DAY, DEFAULT_LIMITS, HOUR, MINUTE } from './limits.ts';
export type { HttpRelayOptions } from './relay/http.ts';
export { httpRelay } from './relay/http.ts';
export type {
  ConnectionHandlers,
  Envelope,
  KeyCounts,
  KeyUpload,
  MailboxPage,
  OutgoingFanOut,
  OutgoingMessage,
  RelayConnection,
  RelayConnector,
  RelayCredentials,
  RelayTransport,
  SendOutcome,
  UploadedPreKey,
  UploadedSignedPreKey,
} from './relay/transport.ts';
export { RelayError } from './relay/transport.ts';
export { memoryStore } from './store/memory.ts';
export type { Store, StoreTransaction } from './store/store.ts';
export type { Witness } from './store/witness.ts';
export { memoryWitness } from './store/witness.ts';
export type {
  DeviceEvent,
  DeviceLimits,
  DeviceOptions,
  DeviceStatus,
  InboxMessage,
  Receipt,
  Repair,
  SendResult,
  SentEnvelope,
} from './types.ts';
