/**
 * Operations on what is less than a device: a ratchet, a chain, a braid.
 *
 * @spec 15-driver-lab §1
 * Owns: replacing a value under its handle only where the operation succeeded. Must not know: what the values are.
 */
import type { z } from 'zod';
import { type Wipeable, wipeAll } from '../../protocol/bytes/secret.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Driver } from './driver.ts';
import { type Ok, type Operation, operation } from './operation.ts';
import { handle } from './values.ts';

/** A kind of value: its name is that of the argument which holds the handle. */
export interface Kind<V> {
  readonly name: string;
  readonly values: (driver: Driver) => Map<string, V>;
}

/** What an operation on such a value comes to. */
export interface Stepped<V> {
  readonly value: V;
  readonly ok: Ok;
  readonly spent?: readonly Wipeable[];
}

/** An operation of one value: it is replaced once the operation has succeeded. */
export function handleOperation<V, S extends z.core.$ZodShape>(
  name: string,
  kind: Kind<V>,
  shape: S,
  run: (args: z.output<z.ZodObject<S>>, value: V, driver: Driver) => Stepped<V>,
): Operation {
  return operation(name, { [kind.name]: handle, ...shape }, (args, driver) => {
    const values = kind.values(driver);
    const named = (args as Readonly<Record<string, unknown>>)[kind.name] as string;
    const value = values.get(named);
    if (value === undefined) throw new ProtocolError('InvalidArgument', 'state', `unknown-${kind.name}`, kind.name);
    const step = run(args as unknown as z.output<z.ZodObject<S>>, value, driver);
    // @req DRV-26
    values.set(named, step.value);
    wipeAll(step.spent ?? []);
    return step.ok;
  });
}
