/**
 * A process that holds the write lock of a SQLite file: from the start, and as its input says.
 *
 * @spec 07-devices §6
 */
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';

const db = new DatabaseSync(process.argv[2] ?? '');
db.exec('BEGIN IMMEDIATE');
process.stdout.write('locked\n');
for await (const line of createInterface({ input: process.stdin })) {
  db.exec(line === 'lock' ? 'BEGIN IMMEDIATE' : 'ROLLBACK');
  process.stdout.write(`${line}\n`);
}
db.close();
