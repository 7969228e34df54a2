/**
 * A run as JUnit XML, for build servers.
 *
 * @spec 14-vectors §5
 * Owns: its elements. Must not know: the other reports.
 */
import { html, raw } from 'hono/html';
import type { Run, TestResult } from './run.ts';
import { definedIn, families, shorten, totals } from './summary.ts';

/** Text without what XML 1.0 cannot hold. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that XML forbids
const clean = (text: string) => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');

function testCase(result: TestResult): unknown {
  const { family, type, tcId, comment, verdict, lacking, difference, step, op } = result;
  const name = clean(`tcId ${tcId}: ${comment}`);
  const inside =
    verdict === 'unsupported'
      ? html`<skipped message="unsupported: ${clean(lacking ?? '')}"/>`
      : difference === null
        ? ''
        : html`<failure message="${clean(`${step === null ? '' : `step ${step}, `}${op}: ${difference.what} differs; ${definedIn(result)}`)}">expected ${clean(shorten(difference.expected, 4000))}
answered ${clean(shorten(difference.actual, 4000))}</failure>`;
  return html`<testcase classname="${family}.${type}" name="${name}">${inside}</testcase>\n`;
}

/** The document. */
export async function junit(run: Run): Promise<string> {
  const all = totals(run);
  const suites = families(run).map(
    ({ family, results, failed, unsupported }) =>
      html`<testsuite name="${family}" tests="${results.length}" failures="${failed}" skipped="${unsupported}" errors="0">\n${results.map(testCase)}</testsuite>\n`,
  );
  const fault =
    run.fault === null
      ? ''
      : html`<testsuite name="run" tests="1" failures="0" skipped="0" errors="1">\n<testcase classname="run" name="the driver answered to the end"><error message="${clean(run.fault)}"/></testcase>\n</testsuite>\n`;
  const tests = run.results.length + (run.fault === null ? 0 : 1);
  const body =
    await html`<testsuites name="pawl conform" tests="${tests}" failures="${all.failed}" skipped="${all.unsupported}" errors="${run.fault === null ? 0 : 1}" time="${(run.milliseconds / 1000).toFixed(3)}">\n${suites}${fault}</testsuites>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${String(raw(body))}\n`;
}
