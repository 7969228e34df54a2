/**
 * What an operation is.
 *
 * @spec 11-driver §3, §4
 * Owns: checking arguments before anything else, and committing a device's next value only where the operation succeeded.
 * Must not know: single operations, lines.
 */
import { z } from 'zod';
import { type Wipeable, wipeAll } from '../../protocol/bytes/secret.ts';
import type { CryptoProvider, RandomSource } from '../../protocol/crypto/provider.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Device } from './device.ts';
import { openStream } from './random-stream.ts';
import { badArgument, handle } from './values.ts';

/** The driver's surroundings and its devices. */
export interface Driver {
  readonly version: string;
  readonly provider: CryptoProvider;
  readonly random: RandomSource;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** By handle. */
  readonly devices: Map<string, Device>;
  /** How many messages in a row a session's braid refused, by handle and address key: an observation, no state of a device. */
  readonly braidFailures: Map<string, number>;
}

/** The answer of an operation that succeeded. */
export type Ok = Readonly<Record<string, unknown>>;

/** One row of the table. */
export interface Operation {
  readonly name: string;
  /** @throws {ProtocolError} with nothing changed. */
  readonly run: (driver: Driver, args: unknown) => Ok;
}

/** An operation that changes no device. */
export function operation<S extends z.core.$ZodShape>(
  name: string,
  shape: S,
  run: (args: z.output<z.ZodObject<S>>, driver: Driver) => Ok,
): Operation {
  // @req DRV-06
  const schema = z.strictObject(shape);
  return {
    name,
    run: (driver, args) => {
      const parsed = schema.safeParse(args);
      if (!parsed.success) throw badArgument(parsed.error, args);
      return run(parsed.data, driver);
    },
  };
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
  const schema = z.strictObject({ device: handle, ...shape });
  return {
    name,
    run: (driver, args) => {
      const parsed = schema.safeParse(args);
      if (!parsed.success) throw badArgument(parsed.error, args);
      const named = parsed.data as z.output<z.ZodObject<S>> & { readonly device: string };
      const device = deviceOf(driver, named.device);
      const { provider } = driver;
      const source = device.stream === null ? null : openStream(provider, device.stream);
      const random = source?.random ?? driver.random;
      const step = run(named, { handle: named.device, driver, provider, device, random });
      // @req DRV-05
      driver.devices.set(named.device, { ...step.device, stream: source?.stream() ?? null });
      wipeAll(step.spent ?? []);
      return step.ok;
    },
  };
}

/** Adds a device under a new handle. */
export function addDevice(driver: Driver, device: Device): string {
  const name = `device-${driver.devices.size + 1}`;
  driver.devices.set(name, device);
  return name;
}
