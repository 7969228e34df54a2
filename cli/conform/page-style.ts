/**
 * The look of the report page.
 *
 * @spec 14-vectors §5
 * Owns: its style sheet; no script, no font, nothing from elsewhere. Must not know: what is on the page.
 */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1d2430, #e6e9ef); --soft: light-dark(#5b6575, #9aa5b5);
  --line: light-dark(#dfe3ea, #333b48); --paper: light-dark(#ffffff, #151a22); --card: light-dark(#f6f8fb, #1d2430);
  --good: light-dark(#1a7f4b, #4cc38a); --bad: light-dark(#c0362c, #ff7b72); --none: light-dark(#8a94a3, #6c7686);
  --mark: light-dark(#ffe08a, #6b5300); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 2.5rem 1.25rem 4rem; color: var(--ink); background: var(--paper);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); } code, pre { font: .85rem/1.5 ui-monospace, monospace; }
.verdict { display: flex; gap: 2rem; flex-wrap: wrap; margin: 1.5rem 0; padding: 1.1rem 1.25rem; background: var(--card);
  border-radius: .6rem; border-left: .35rem solid var(--good); }
.verdict.bad { border-left-color: var(--bad); } .figure { font-size: 1.5rem; font-weight: 650; }
.figure small { display: block; font-size: .8rem; font-weight: 400; color: var(--soft); }
.passed { color: var(--good); } .failed { color: var(--bad); } .unsupported { color: var(--none); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .45rem .75rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-size: .8rem; font-weight: 600; color: var(--soft); } td.n { text-align: right; font-variant-numeric: tabular-nums; }
th.n { text-align: right; } .bar { display: flex; width: 14rem; height: .6rem; border-radius: .3rem; overflow: hidden; background: var(--line); }
.bar i { display: block; } .bar .p { background: var(--good); } .bar .f { background: var(--bad); } .bar .u { background: var(--none); opacity: .45; }
details { margin: .6rem 0; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); }
summary { cursor: pointer; padding: .6rem .9rem; overflow-wrap: anywhere; } summary code { float: right; margin-left: 1rem; } details > div { padding: 0 .9rem .9rem; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; margin-top: .6rem; }
@media (max-width: 44rem) { .sides { grid-template-columns: 1fr; } .chart { display: none; } th, td { padding: .4rem .5rem; }
  .verdict { gap: .6rem 1.5rem; } summary code { float: none; margin-left: 0; } }
.sides pre { margin: 0; padding: .7rem; background: var(--paper); border: 1px solid var(--line); border-radius: .4rem;
  white-space: pre-wrap; overflow-wrap: anywhere; max-height: 18rem; overflow-y: auto; }
.asked { margin: .25rem 0 0; max-height: 6rem; overflow-y: auto; white-space: pre-wrap; overflow-wrap: anywhere; color: var(--soft); }
.sides b { font-size: .8rem; color: var(--soft); font-weight: 600; } mark { background: var(--mark); color: inherit; }
.fault { border: 1px solid var(--bad); border-radius: .5rem; padding: .8rem 1rem; margin: 1rem 0; }
a { color: inherit; }
`;
