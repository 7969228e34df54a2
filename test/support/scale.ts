/**
 * How much of a test of counts to run.
 *
 * @spec 00-conventions §7
 * Owns: the switch between the short form (`npm test`) and the long one (`npm run nightly`).
 * Must not know: what is counted.
 */

/** True in the nightly run. */
const nightly = process.env.PAWL_NIGHTLY === '1';

/** `short` in `npm test`, `long` in `npm run nightly`. */
export function scaled<T>(short: T, long: T): T {
  return nightly ? long : short;
}
