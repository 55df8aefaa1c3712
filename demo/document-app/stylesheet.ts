/**
 * The one stylesheet: white sheets on a cool desk, one accent colour per app, light and dark, any width. System fonts, no images;
 * larger text, more contrast, forced colours and less motion as the person's device asks.
 */

/** `accent` is `#rrggbb`, dark enough to carry white text; the dark scheme takes a lighter shade of it. */
export const stylesheetOf = (accent: string): string =>
  `
:root {
  color-scheme: light dark;
  --brand: ${accent};
  --desk: #f1f3f6; --sheet: #fff; --ink: #171b22; --soft: #555e6b; --line: #dce0e7; --edge: #7d8694;
  --accent: var(--brand); --accent-ink: #fff; --accent-over: color-mix(in oklab, var(--brand) 84%, black);
  --tint: color-mix(in oklab, var(--brand) 9%, white);
  --done: #17603a; --done-ground: #e3f3e9; --waiting: #7a4b00; --waiting-ground: #fdf0d5; --late: #9a1f24; --late-ground: #fde8e7;
  --shadow: 0 1px 2px rgb(23 27 34 / .06), 0 10px 24px -18px rgb(23 27 34 / .35);
}
@media (prefers-color-scheme: dark) {
  :root {
    --desk: #101317; --sheet: #191d23; --ink: #e9ecf1; --soft: #a6afbb; --line: #2d333c; --edge: #7f8997;
    --accent: color-mix(in oklab, var(--brand) 42%, white); --accent-ink: #11151a;
    --accent-over: color-mix(in oklab, var(--brand) 26%, white); --tint: color-mix(in oklab, var(--brand) 22%, #191d23);
    --done: #8fd6ab; --done-ground: #15301f; --waiting: #f0c877; --waiting-ground: #35280e; --late: #f5a6a3; --late-ground: #3c1a1b;
    --shadow: none;
  }
}
@media (prefers-contrast: more) { :root { --soft: var(--ink); --line: var(--edge); } }
*, ::before, ::after { box-sizing: border-box; }
html { text-size-adjust: 100%; -webkit-text-size-adjust: 100%; }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column; background: var(--desk); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', sans-serif; overflow-wrap: break-word;
}
main, .bar, footer { width: 100%; max-width: 76rem; margin-inline: auto; padding-inline: 1.25rem; }
main { flex: 1; padding-block: 1rem 3rem; }
.bar { display: flex; justify-content: space-between; align-items: center; gap: 1rem; min-height: 4.5rem; }
.brand { display: flex; align-items: center; gap: .55rem; color: inherit; font-size: 1.1875rem; font-weight: 700; letter-spacing: -.02em; text-decoration: none; }
.mark { width: 1.75rem; height: 1.75rem; }
.sheet { fill: var(--accent); } .fold { fill: var(--accent-ink); opacity: .45; } .lines { stroke: var(--accent-ink); stroke-width: 1.5; stroke-linecap: round; }
footer { padding-block: 1.25rem; color: var(--soft); font-size: .875rem; } footer p { margin: 0; padding-top: 1.25rem; border-top: 1px solid var(--line); }
.skip { position: absolute; left: 1rem; top: -4rem; padding: .5rem 1rem; background: var(--sheet); } .skip:focus { top: 1rem; z-index: 1; }
a { color: var(--accent); text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 4px; }
h1 { margin: 0 0 .25rem; font-size: clamp(1.625rem, 1.3rem + 1.4vw, 2.125rem); line-height: 1.15; letter-spacing: -.025em; text-wrap: balance; }
h2 { margin: 0 0 .75rem; font-size: 1.125rem; line-height: 1.3; letter-spacing: -.01em; } h3 { margin: 0; font-size: 1rem; font-weight: 600; }
p { margin: 0 0 .75rem; text-wrap: pretty; } dl, dd { margin: 0; }
.small { color: var(--soft); font-size: .9375rem; } .lead { color: var(--soft); font-size: 1.125rem; max-width: 34rem; }
code { font: .8125rem/1.5 ui-monospace, 'Cascadia Mono', Menlo, Consolas, monospace; overflow-wrap: anywhere; } bdi { overflow-wrap: anywhere; }
.button {
  display: inline-block; min-height: 2.75rem; padding: .6rem 1.25rem; border: 1px solid var(--accent); border-radius: 8px;
  background: var(--accent); color: var(--accent-ink); font: inherit; font-weight: 600; line-height: 1.4; text-align: center; text-decoration: none; cursor: pointer;
}
.button:hover { background: var(--accent-over); border-color: var(--accent-over); }
.quiet { background: transparent; color: var(--ink); border-color: var(--edge); } .quiet:hover { background: var(--tint); border-color: var(--edge); }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0; }
.card { background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem; box-shadow: var(--shadow); }
.notice { padding: .75rem 1rem; background: var(--tint); border-inline-start: 4px solid var(--accent); border-radius: 6px; }
.error { max-width: 40rem; margin: 2rem auto; padding: clamp(1.25rem, 4vw, 2.5rem); }

.hero { display: grid; gap: 2rem; align-items: center; padding-block: clamp(1rem, 5vw, 4rem); }
.hero h1 { font-size: clamp(2rem, 1.1rem + 4vw, 4rem); line-height: 1.04; letter-spacing: -.035em; margin-bottom: 1rem; max-width: 14ch; }
.hero .button { padding: .85rem 2rem; font-size: 1.0625rem; } .hero .small { max-width: 28rem; }
.illustration { width: 100%; max-width: 26rem; margin-inline: auto; fill: none; stroke-linecap: round; stroke-linejoin: round; }
.back path { fill: var(--tint); stroke: var(--line); stroke-width: 1.5; } .paper { fill: var(--sheet); stroke: var(--line); stroke-width: 1.5; }
.corner { fill: var(--tint); stroke: var(--line); stroke-width: 1.5; } .heading { stroke: var(--ink); stroke-width: 9; } .text { stroke: var(--line); stroke-width: 6; }
.rule { stroke: var(--edge); stroke-width: 1.5; } .signature { stroke: var(--accent); stroke-width: 3; }
.stamp circle { fill: var(--accent); } .stamp path { stroke: var(--accent-ink); stroke-width: 6; }

.greeting { display: flex; gap: 1rem; align-items: center; margin: .5rem 0 1.75rem; } .greeting p { margin: 0; color: var(--soft); } .greeting > div { min-width: 0; }
.avatar { flex: none; width: 4rem; height: 4rem; border-radius: 50%; object-fit: cover; display: grid; place-items: center; background: var(--accent); color: var(--accent-ink); font-size: 1.375rem; font-weight: 600; }
.columns { display: grid; gap: 1.5rem; align-items: start; grid-template-columns: minmax(0, 1fr); } .work { display: grid; gap: 1.5rem; grid-template-columns: minmax(0, 1fr); }
.count { margin-inline-start: .25rem; color: var(--soft); font-weight: 400; }
.documents { margin: 0; padding: 0; list-style: none; background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); }
.documents li { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .25rem 1rem; align-items: center; padding: .95rem 1.25rem; }
.documents li + li { border-top: 1px solid var(--line); } .documents p { margin: 0; color: var(--soft); font-size: .9375rem; }
.thumb { width: 2.25rem; height: 2.25rem; } .thumb .sheet { fill: var(--tint); stroke: var(--accent); stroke-width: 1; } .thumb .fold, .thumb .lines { opacity: 1; }
.thumb .fold { fill: var(--accent); } .thumb .lines { stroke: var(--accent); stroke-width: 1.25; }
.number { font-variant-numeric: tabular-nums; color: var(--ink); margin-inline-end: .35rem; }
.documents .state { grid-column: 2; display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: center; } .state time { font-size: .875rem; font-variant-numeric: tabular-nums; }
.chip { display: inline-block; padding: .05rem .6rem; border-radius: 999px; font-size: .8125rem; font-weight: 600; line-height: 1.6; white-space: nowrap; border: 1px solid transparent; }
.chip.done { color: var(--done); background: var(--done-ground); } .chip.waiting { color: var(--waiting); background: var(--waiting-ground); }
.chip.late { color: var(--late); background: var(--late-ground); } .chip.draft { color: var(--soft); border-color: var(--line); }
.verified { color: var(--done); font-size: .9375rem; font-weight: 600; } .greeting .verified { white-space: nowrap; }
.tick { width: .95em; height: .95em; vertical-align: -.1em; fill: none; stroke: currentColor; stroke-width: 2.4; stroke-linecap: round; stroke-linejoin: round; }
.fields { display: grid; gap: .75rem; align-items: end; } .fields p { margin: 0; display: grid; gap: .25rem; } label { font-size: .875rem; color: var(--soft); }
input, select { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit; color: inherit; background: var(--desk); border: 1px solid var(--edge); border-radius: 8px; }
[aria-invalid] { border-color: var(--late); box-shadow: inset 0 0 0 1px var(--late); } .problem { margin: .75rem 0 0; color: var(--late); font-weight: 600; }
.facts { display: grid; } .facts div { padding: .6rem 0; border-top: 1px solid var(--line); }
.facts dt { display: flex; justify-content: space-between; gap: 1rem; color: var(--soft); font-size: .875rem; } .facts dd { overflow-wrap: anywhere; font-size: .9375rem; }
.token dd { font: .875rem/1.6 ui-monospace, 'Cascadia Mono', Menlo, Consolas, monospace; }
.missing { color: var(--soft); font-style: italic; } .error .facts { margin-top: 1.5rem; }
@media (min-width: 38rem) {
  .documents li { grid-template-columns: auto minmax(0, 1fr) auto; } .documents .state { grid-column: 3; display: grid; justify-items: end; }
  .fields { grid-template-columns: 1fr 10rem auto; }
  .token .facts div { display: grid; grid-template-columns: 14rem minmax(0, 1fr); gap: 1.5rem; align-items: baseline; }
}
@media (min-width: 56rem) {
  main, .bar, footer { padding-inline: 2rem; } .hero { grid-template-columns: 1.15fr 1fr; }
  .columns { grid-template-columns: minmax(0, 1fr) minmax(19rem, 24rem); grid-template-rows: auto 1fr; gap: 1.5rem 2rem; }
  .known { grid-column: 2; grid-row: 1 / span 2; margin-top: 2.2125rem; }
}
@media (forced-colors: active) {
  .chip, .avatar, .notice { border: 1px solid; } .sheet, .back path, .paper { fill: Canvas; stroke: CanvasText; } .lines, .heading, .text, .signature { stroke: CanvasText; }
}
@media (prefers-reduced-motion: no-preference) {
  .button { transition: background-color .15s, border-color .15s; }
  .signature { stroke-dasharray: 260; animation: sign 1.4s ease-out backwards .25s; } .stamp { transform-origin: 252px 246px; animation: stamp .35s ease-out backwards 1.5s; }
  @keyframes sign { from { stroke-dashoffset: 260; } } @keyframes stamp { from { opacity: 0; transform: scale(1.5); } }
}
`.trimStart()
