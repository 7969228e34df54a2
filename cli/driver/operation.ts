/**
 * What an operation is.
 *
 * @spec 11-driver §3, §4, §8
 * Owns: checking arguments before anything else, the trace, and committing a device's next value only where the operation
 * succeeded. Must not know: single operations, lines.
 */
import { z } from 'zod';
import { type Wipeable, wipeAll } from '../../protocol/bytes/secret.ts';
import type { CryptoProvider, RandomSource } from '../../protocol/crypto/provider.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { openStream } from '../../protocol/testing/random-stream.ts';
import { type Intermediate, Trace } from '../../protocol/testing/trace.ts';
import type { Device } from './device.ts';
import { type Driver, keep } from './driver.ts';
import { badArgument, handle } from './values.ts';

/** The result of an operation that succeeded. */
export type Ok = Readonly<Record<string, unknown>>;

/** What is answered beside the id. */
export interface Outcome {
  readonly ok: Ok;
  readonly intermediate?: Intermediate;
}

/** One row of the table. */
export interface Operation {
  readonly name: string;
  /** @throws {ProtocolError} with nothing changed. */
  readonly run: (driver: Driver, args: unknown) => Outcome;
}

/** Takes `trace` out of the arguments: every operation has it. */
function withoutTrace(args: unknown): { readonly traced: boolean; readonly rest: unknown } {
  if (typeof args !== 'object' || args === null || !Object.hasOwn(args, 'trace')) return { traced: false, rest: args };
  const { trace, ...rest } = args as Readonly<Record<string, unknown>>;
  // @req DRV-21
  if (typeof trace !== 'boolean') throw new ProtocolError('InvalidArgument', 'parse', 'wrong-type', 'trace');
  return { traced: trace, rest };
}

/** An operation whose arguments have any shape. */
export function operationOf<A>(name: string, schema: z.ZodType<A>, run: (args: A, driver: Driver) => Ok): Operation {
  return {
    name,
    run: (driver, args) => {
      const { traced, rest } = withoutTrace(args);
      const parsed = schema.safeParse(rest);
      if (!parsed.success) throw badArgument(parsed.error, rest);
      if (!traced) return { ok: run(parsed.data, driver) };
      const trace = new Trace(driver.provider);
      const ok = run(parsed.data, { ...driver, provider: trace.provider });
      // @req DRV-21
      return { ok, intermediate: trace.intermediate() };
    },
  };
}

/** An operation that changes no device. */
export function operation<S extends z.core.$ZodShape>(
  name: string,
  shape: S,
  run: (args: z.output<z.ZodObject<S>>, driver: Driver) => Ok,
): Operation {
  // @req DRV-06
  return operationOf(name, z.strictObject(shape) as unknown as z.ZodType<z.output<z.ZodObject<S>>>, run);
}

/** What an operation of a device works with. */
export interface Scene {
  readonly handle: string;
  readonly driver: Driver;
  readonly provider: CryptoProvider;
  readonly device: Device;
  /** The device's own source. */
  readonly random: RandomSource;
}

/** What such an operation comes to. */
export interface Step {
  readonly device: Device;
  readonly ok: Ok;
  readonly spent?: readonly Wipeable[];
}

/** The device behind a handle. @throws {ProtocolError} `InvalidArgument`/`unknown-device`. */
export function deviceOf(driver: Driver, name: string): Device {
  const device = driver.devices.get(name);
  if (device === undefined) throw new ProtocolError('InvalidArgument', 'state', 'unknown-device', 'device');
  return device;
}

/** An operation of one device, named by the argument `device`: the device is replaced once the operation has succeeded. */
export function deviceOperation<S extends z.core.$ZodShape>(
  name: string,
  shape: S,
  run: (args: z.output<z.ZodObject<S>>, scene: Scene) => Step,
): Operation {
  return operation(name, { device: handle, ...shape }, (args, driver) => {
    const named = args as z.output<z.ZodObject<S>> & { readonly device: string };
    const device = deviceOf(driver, named.device);
    const { provider } = driver;
    const source = device.stream === null ? null : openStream(provider, device.stream);
    const random = source?.random ?? driver.random;
    const step = run(named, { handle: named.device, driver, provider, device, random });
    // @req DRV-05
    driver.devices.set(named.device, { ...step.device, stream: source?.stream() ?? null });
    wipeAll(step.spent ?? []);
    return step.ok;
  });
}

/** Adds a device under a new handle. */
export function addDevice(driver: Driver, device: Device): string {
  return keep(driver, 'device', driver.devices, device);
}
