/**
 * A run as one self-contained page.
 *
 * @spec 14-vectors §5
 * Owns: what a person sees: families by verdict, the first value that differs side by side. Must not know: the other reports.
 */
import { html, raw } from 'hono/html';
import { PAGE_STYLE } from './page-style.ts';
import type { Run, TestResult } from './run.ts';
import { basis, definedIn, type FamilySummary, families, show, totals } from './summary.ts';
import type { Json } from './vector-file.ts';

type Html = ReturnType<typeof html>;

/** Where a specification is, seen from the page; null: nowhere to link to. */
export type SpecLink = (spec: string) => string | null;

const MAX_VALUE = 20_000;

function linkTo(spec: string, link: SpecLink): Html {
  const target = link(spec);
  return target === null ? html`${spec}` : html`<a href="${target}">${spec}</a>`;
}

/** Both values, marked from where they part. */
function sides(expected: Json, actual: Json): Html {
  const [one, two] = [show(expected).slice(0, MAX_VALUE), show(actual).slice(0, MAX_VALUE)];
  let same = 0;
  while (same < one.length && one[same] === two[same]) same++;
  const side = (title: string, text: string) =>
    html`<div><b>${title}</b><pre>${text.slice(0, same)}<mark>${text.slice(same)}</mark></pre></div>`;
  return html`<div class="sides">${side('expected', one)}${side('answered', two)}</div>`;
}

/** One failed test; the first of a family is open. */
function failure(result: TestResult, link: SpecLink, open: boolean): Html {
  const { file, tcId, comment, difference, step, op, args, req } = result;
  if (difference === null) return html``;
  const place = step === null ? op : `step ${step}, ${op}`;
  return html`<details${open ? raw(' open') : ''}>
<summary><span class="failed">✗</span> tcId ${tcId}: ${comment} <code class="soft">${difference.what}</code></summary>
<div><p><code>${place}</code>: <b>${difference.what}</b> is the first value that differs.
Defined in ${linkTo(definedIn(result), link)}. <span class="soft"><code>${file}</code>${req.length > 0 ? `, tests ${req.join(', ')}` : ''}</span></p>
${sides(difference.expected, difference.actual)}
<p class="soft">asked</p><pre class="asked">${JSON.stringify({ op, args }).slice(0, MAX_VALUE)}</pre></div></details>`;
}

function row({ family, passed, failed, unsupported, intermediates, lacking }: FamilySummary): Html {
  const all = passed + failed + unsupported;
  const share = (n: number) => `${((100 * n) / all).toFixed(2)}%`;
  const mark =
    failed > 0
      ? html`<span class="failed">✗</span>`
      : passed > 0
        ? html`<span class="passed">✓</span>`
        : html`<span class="unsupported">–</span>`;
  return html`<tr><td>${mark} ${failed > 0 ? html`<a href="#${family}">${family}</a>` : family}</td>
<td class="chart"><div class="bar"><i class="p" style="width:${share(passed)}"></i><i class="f" style="width:${share(failed)}"></i><i class="u" style="width:${share(unsupported)}"></i></div></td>
<td class="n">${passed}</td><td class="n ${failed > 0 ? 'failed' : ''}">${failed}</td><td class="n unsupported" title="${lacking.join(', ')}">${unsupported}</td><td class="n soft">${intermediates}</td></tr>`;
}

function familyTable(summaries: readonly FamilySummary[]): Html {
  return html`<h2>Families</h2><div class="wide"><table><tr><th>family</th><th class="chart"></th><th class="n">passed</th><th class="n">failed</th><th class="n">unsupported</th><th class="n" title="values on the way that were compared">values</th></tr>
${summaries.map(row)}</table></div>`;
}

function failures(summaries: readonly FamilySummary[], link: SpecLink): Html {
  const blocks = summaries
    .filter(({ failed }) => failed > 0)
    .map(({ family, results }) => {
      const failed = results.filter(({ verdict }) => verdict === 'failed');
      return html`<h2 id="${family}">${family}: ${failed.length} failed</h2>${failed.map((result, i) => failure(result, link, i === 0))}`;
    });
  return html`${blocks}`;
}

function lackingBlock(summaries: readonly FamilySummary[]): Html {
  const rows = summaries
    .filter(({ lacking }) => lacking.length > 0)
    .map(
      ({ family, lacking, unsupported }) =>
        html`<tr><td>${family}</td><td class="n">${unsupported}</td><td><code>${lacking.join(', ')}</code></td></tr>`,
    );
  if (rows.length === 0) return html``;
  return html`<h2>Unsupported</h2><p class="soft">What the driver does not announce is not run, and not passed.</p>
<div class="wide"><table><tr><th>family</th><th class="n">tests</th><th>lacking</th></tr>${rows}</table></div>`;
}

/** The run in a few words. Nothing passed is nothing shown. */
function verdictOf(run: Run): string {
  const { passed, failed, unsupported } = totals(run);
  if (run.fault !== null) return 'the run broke off';
  if (failed > 0) return `${failed} of ${passed + failed} tests failed`;
  if (passed === 0) return 'no test was run';
  return unsupported > 0 ? `${passed} of ${passed + unsupported} tests run, all passed` : `all ${passed} tests passed`;
}

/** The document. @param date when the run was made, as it is to stand on the page */
export async function page(run: Run, link: SpecLink, date: string): Promise<string> {
  const summaries = families(run);
  const { passed, failed, unsupported, intermediates } = totals(run);
  const name = run.hello === null ? run.command : `${run.hello.implementation} ${run.hello.version}`;
  const bad = failed > 0 || run.fault !== null || passed === 0;
  const document = await html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}: conformance</title><style>${raw(PAGE_STYLE)}</style></head><body>
<h1>${name}: ${verdictOf(run)}</h1>
<p class="soft">Vectors ${run.vectorsVersion}, profile ${run.profile}, ${date}. Driver: <code>${run.command}</code></p>
<div class="verdict ${bad ? 'bad' : ''}">
<div class="figure passed">${passed}<small>passed</small></div><div class="figure ${failed > 0 ? 'failed' : 'soft'}">${failed}<small>failed</small></div>
<div class="figure unsupported">${unsupported}<small>unsupported</small></div><div class="figure">${intermediates}<small>values on the way compared</small></div>
<div class="figure">${(run.milliseconds / 1000).toFixed(1)} s<small>duration</small></div></div>
<p class="soft">Compared: ${basis(run)}.</p>
${run.fault === null ? '' : html`<div class="fault"><b class="failed">Broken off.</b> ${run.fault}</div>`}
${summaries.length === 0 ? '' : familyTable(summaries)}
${failures(summaries, link)}
${lackingBlock(summaries)}
</body></html>`;
  return `${String(document)}\n`;
}
