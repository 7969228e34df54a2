/**
 * Who is on stage: the relay and the devices, started on demand, all stopped at the end.
 *
 * @spec 00-conventions §7
 * Owns: file names, life and death of processes. Must not know: the plot.
 */
import { join } from 'node:path';
import { Actor, RelayProcess } from './actors.ts';

/** The processes of one demo, in one temporary folder. */
export class Stage {
  readonly folder: string;
  readonly suite: string;
  readonly #actors: Actor[] = [];
  #relay: RelayProcess | null = null;

  constructor(folder: string, suite: string) {
    this.folder = folder;
    this.suite = suite;
  }

  async startRelay(): Promise<RelayProcess> {
    this.#relay = await RelayProcess.start(join(this.folder, 'relay.db'));
    return this.#relay;
  }

  /** A device process with a database file of its own, or on a given one. */
  enter(name: string, file = join(this.folder, `${name.replaceAll(/\W+/g, '-').toLowerCase()}.db`)): Actor {
    if (this.#relay === null) throw new TypeError('the relay comes first');
    const actor = new Actor(name, file, this.#relay.url, this.suite);
    this.#actors.push(actor);
    return actor;
  }

  /** Ends every process that was started here, by its own process id. */
  async stopAll(): Promise<void> {
    await Promise.all(this.#actors.map((actor) => actor.stop()));
    await this.#relay?.stop();
  }
}
