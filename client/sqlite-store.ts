/**
 * The client's storage on Node: a SQLite file and a witness file.
 *
 * @packageDocumentation
 * @spec 07-devices §6, §7
 * Owns: what `pawl/client/sqlite` exports. Must not know: devices.
 */
export { openFileWitness } from './store/file-witness.ts';
export type { SqliteStoreOptions } from './store/sqlite.ts';
export { openSqliteStore } from './store/sqlite.ts';
