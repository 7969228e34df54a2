/**
 * The witness in a file of its own.
 *
 * @spec 07-devices §7
 * Owns: the layout of that file: 64 slots of 16 bytes, generation ‖ its complement, the generation g in slot g mod 64.
 * Must not know: the store. The value is the highest intact slot: a write torn by a crash spoils one old slot alone, and
 * processes that write different generations write different slots.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Witness } from './witness.ts';

const SLOTS = 64;
const SLOT_BYTES = 16;
const FULL = 0xffff_ffff_ffff_ffffn;

function failed(): ProtocolError {
  return new ProtocolError('InvalidState', 'state', 'witness-failed', 'witness');
}

function slotOf(generation: number): Uint8Array {
  const bytes = new Uint8Array(SLOT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(generation));
  view.setBigUint64(8, BigInt(generation) ^ FULL);
  return bytes;
}

/** The generation of a slot; 0 where it is empty or torn. */
function generationOf(view: DataView, at: number): number {
  const value = view.getBigUint64(at);
  return (value ^ FULL) === view.getBigUint64(at + 8) && value <= Number.MAX_SAFE_INTEGER ? Number(value) : 0;
}

class FileWitness implements Witness {
  readonly #file: FileHandle;
  #known = 0;
  #queue: Promise<void> = Promise.resolve();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async read(): Promise<number> {
    const bytes = new Uint8Array(SLOTS * SLOT_BYTES);
    try {
      await this.#file.read(bytes, 0, bytes.length, 0);
    } catch {
      throw failed();
    }
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += SLOT_BYTES) this.#known = Math.max(this.#known, generationOf(view, at));
    return this.#known;
  }

  advance(generation: number): Promise<void> {
    const next = this.#queue.then(() => this.#write(generation));
    this.#queue = next.catch(() => undefined);
    return next;
  }

  async #write(generation: number): Promise<void> {
    if (!Number.isSafeInteger(generation) || generation < 0) throw new TypeError('a generation is a whole number');
    if (generation <= this.#known) return;
    try {
      const at = (generation % SLOTS) * SLOT_BYTES;
      const slot = new Uint8Array(SLOT_BYTES);
      await this.#file.read(slot, 0, SLOT_BYTES, at);
      // Another process may be more than 64 generations ahead and hold this slot.
      if (generationOf(new DataView(slot.buffer), 0) < generation) {
        await this.#file.write(slotOf(generation), 0, SLOT_BYTES, at);
        await this.#file.datasync();
      }
      this.#known = generation;
    } catch {
      throw failed();
    }
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#file.close();
  }
}

/**
 * Opens or creates the witness file. Keep it out of the backups of the store: its purpose is to be newer than they are.
 * @throws {ProtocolError} `InvalidState`/`witness-failed`.
 */
export async function openFileWitness(path: string): Promise<Witness> {
  try {
    // Two processes may create it at once: the one that comes second opens what the first has made.
    const create = () => open(path, 'wx+', 0o600).catch(() => open(path, 'r+'));
    return new FileWitness(await open(path, 'r+').catch(create));
  } catch {
    throw failed();
  }
}
