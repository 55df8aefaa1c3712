// The one stylesheet, served under the digest of its bytes, so that it may be cached for ever. Phone first; light and dark; larger
// text, more contrast, forced colours and less motion as the person's device asks. System fonts only.
import { digest } from '../../crypto/secrets.ts'

const CSS = `
:root {
  color-scheme: light dark;
  --ground: #f3f5f4; --card: #fff; --ink: #15211d; --soft: #4d5b56; --line: #d3dbd7; --edge: #75837d;
  --accent: #0c5a4a; --accent-ink: #fff; --accent-over: #08463a; --tint: #e9f2ef;
  --warn: #8a3b12; --warn-tint: #fdf2ea;
  --g-fill: #fff; --g-line: #747775; --g-ink: #1f1f1f; --m-fill: #fff; --m-line: #8c8c8c; --m-ink: #5e5e5e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1311; --card: #151d1a; --ink: #e7edea; --soft: #a7b5af; --line: #2a3531; --edge: #7d8c86;
    --accent: #86d3bc; --accent-ink: #06231b; --accent-over: #a6e2cf; --tint: #1a2a25;
    --warn: #f0a97f; --warn-tint: #2b1c13;
    --g-fill: #131314; --g-line: #8e918f; --g-ink: #e3e3e3; --m-fill: #2f2f2f; --m-line: #8c8c8c; --m-ink: #fff;
  }
}
@media (prefers-contrast: more) {
  :root { --soft: var(--ink); --line: var(--ink); --edge: var(--ink); --m-ink: var(--g-ink); }
}
/* Google asks for Roboto Medium; whatever stands in for it is as heavy as the other buttons' text, or they'd be unequal. */
@font-face { font-family: 'Google button'; src: local('Roboto Medium'), local('Roboto-Medium'); font-weight: 600; }
*, ::before, ::after { box-sizing: border-box; }
html { text-size-adjust: 100%; -webkit-text-size-adjust: 100%; scroll-padding: 2rem; }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; padding: 1.25rem 1rem 2rem;
  display: flex; flex-direction: column; align-items: center; gap: 1.25rem;
  background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', sans-serif;
  overflow-wrap: break-word;
}
.brand { display: flex; align-items: center; gap: .5rem; font-size: .9375rem; font-weight: 600; letter-spacing: .01em; color: var(--soft); }
.mark { width: 1.25rem; height: 1.25rem; }
.post { fill: currentColor; } .pass { fill: var(--accent); }
.card {
  position: relative; width: 100%; max-width: 29rem; padding: 2rem 1.25rem 1.5rem;
  background: var(--card); border: 1px solid var(--line); border-top: 0; border-radius: 0 0 .75rem .75rem;
}
.wide .card { max-width: 38rem; }
/* The gate: a wall along the top of the card with one narrow opening. */
.card::before, .card::after { content: ''; position: absolute; top: -1px; height: 4px; width: calc(50% - .5rem); background: var(--accent); }
.card::before { left: -1px; border-radius: 2px 0 0 0; } .card::after { right: -1px; border-radius: 0 2px 0 0; }
footer { width: 100%; max-width: 29rem; text-align: center; font-size: .875rem; color: var(--soft); }
footer p { margin: 0 0 .5rem; } footer a { display: inline-block; margin: 0 .5rem; }
h1 { margin: 0 0 1rem; font-size: clamp(1.5rem, 1.25rem + 1.2vw, 1.875rem); line-height: 1.2; font-weight: 650; letter-spacing: -.018em; text-wrap: balance; }
h2, legend { margin: 0 0 .5rem; padding: 0; font-size: 1.0625rem; line-height: 1.35; font-weight: 650; letter-spacing: -.005em; }
p { margin: 0 0 1rem; text-wrap: pretty; }
.lead { margin-bottom: 1.5rem; color: var(--soft); font-size: 1.0625rem; }
.small { font-size: .9375rem; color: var(--soft); }
a { color: var(--accent); text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: .2em; }
a:hover { text-decoration-thickness: 2px; color: var(--accent-over); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 3px; }
.visually-hidden { position: absolute; width: 1px; height: 1px; margin: -1px; padding: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.newtab { width: .7em; height: .7em; margin-inline-start: .3em; fill: none; stroke: currentColor; stroke-width: 1.2; }
bdi { overflow-wrap: anywhere; }
.notice { margin: 0 0 1.25rem; padding: .75rem 1rem; background: var(--warn-tint); border-inline-start: 4px solid var(--warn); border-radius: 4px; }
.notice h2 { color: var(--warn); } .notice p { margin: 0; } .notice a { color: var(--ink); }

.scene { display: block; width: 15rem; max-width: 100%; height: auto; margin: 0 auto 1.5rem; color: var(--ink); }
.outside { fill: var(--edge); opacity: .55; }
.choices { margin: 1.5rem 0; padding: 0; list-style: none; display: grid; gap: .75rem; }
.connector {
  width: 100%; min-height: 2.875rem; padding: .5rem .875rem; display: grid; grid-template-columns: 1.3rem 1fr 1.3rem; align-items: center; gap: .75rem;
  border: 1px solid; border-radius: 4px; cursor: pointer; text-align: center; line-height: 1.25; font-size: 1rem;
}
.logo { width: 1.3rem; height: 1.3rem; }
.line { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.google { font-family: 'Google button', system-ui, sans-serif; font-weight: 600; background: var(--g-fill); color: var(--g-ink); border-color: var(--g-line); }
.microsoft { font-family: 'Segoe UI', system-ui, sans-serif; font-weight: 600; background: var(--m-fill); color: var(--m-ink); border-color: var(--m-line); }
.oidc { font-family: inherit; font-weight: 600; background: var(--card); color: var(--ink); border-color: var(--edge); }
.connector:hover { box-shadow: 0 0 0 1px currentColor; }
.promise { margin: 1.5rem 0 0; padding-top: 1.25rem; border-top: 1px solid var(--line); font-size: .9375rem; color: var(--soft); }
.promise strong { display: block; color: var(--ink); font-weight: 600; }

section, fieldset { margin: 0 0 1.75rem; padding: 0; border: 0; min-width: 0; } .small + section { margin-top: 1.75rem; }
dl { margin: 0; min-width: 0; } dt { font-size: .875rem; color: var(--soft); } dd { margin: 0; }
.person { display: grid; gap: 1rem; padding: 1rem; background: var(--tint); border-radius: .5rem; }
.person dl { display: grid; gap: .75rem; }
.value { font-weight: 600; } .missing { color: var(--soft); }
.code .value { font: 500 .9375rem/1.5 ui-monospace, 'Cascadia Mono', Menlo, Consolas, monospace; }
.fact { display: block; font-size: .875rem; color: var(--soft); }
.tick { width: .9em; height: .9em; margin-inline-end: .35em; vertical-align: -.08em; fill: none; stroke: var(--accent); stroke-width: 2.2; stroke-linecap: round; stroke-linejoin: round; }
.avatar { width: 3.5rem; height: 3.5rem; fill: var(--accent); }
.avatar text { fill: var(--accent-ink); font-size: 18px; font-weight: 600; } .avatar path { stroke: var(--accent-ink); stroke-width: 4; stroke-linecap: round; }
.new { display: inline-block; padding: 0 .45em; border-radius: 3px; background: var(--accent); color: var(--accent-ink); font-size: .8125rem; font-weight: 600; line-height: 1.5; }
.option { display: grid; grid-template-columns: auto 1fr; column-gap: .875rem; align-items: start; padding: .875rem 0; border-top: 1px solid var(--line); }
.option input { width: 1.375rem; height: 1.375rem; margin: .1rem 0 0; accent-color: var(--accent); cursor: pointer; }
.option label { cursor: pointer; } .optional { color: var(--soft); font-weight: 400; }
.preview { grid-column: 2; margin-top: .375rem; } .preview img { display: block; width: 3.5rem; height: 3.5rem; border-radius: 50%; object-fit: cover; background: var(--tint); }
.tags { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .5rem; }
.tags li { padding: .25rem .75rem; border: 1px solid var(--line); border-radius: 4px; font-size: .9375rem; }
.contacts { display: grid; gap: .5rem; font-size: .9375rem; }
.agreement { margin-top: 1rem; padding: 1rem; border: 1px solid var(--edge); border-radius: .5rem; }
.agreement:has(:user-invalid), .agreement:has([aria-invalid]) { border-color: var(--warn); box-shadow: inset 0 0 0 1px var(--warn); }
.field-error { grid-column: 2; margin: .375rem 0 0; color: var(--warn); font-weight: 600; font-size: .9375rem; }
.actions { margin: 1.5rem 0 1rem; display: flex; flex-wrap: wrap; gap: .75rem; } .actions > * { flex: 1 1 100%; }
.primary, .secondary {
  min-height: 2.875rem; padding: .75rem 1.25rem; display: inline-block; border: 1px solid var(--accent); border-radius: 6px;
  font: inherit; font-weight: 600; line-height: 1.3; text-align: center; text-decoration: none; cursor: pointer;
}
.primary, .primary:hover { background: var(--accent); color: var(--accent-ink); }
.primary:hover { background: var(--accent-over); border-color: var(--accent-over); }
.secondary { background: transparent; color: var(--ink); border-color: var(--edge); } .secondary:hover { background: var(--tint); }

.gate .mark { display: block; width: 2.25rem; height: 2.25rem; margin: 0 0 1rem -.35rem; }
.support { margin: 2rem 0 0; padding-top: 1.25rem; border-top: 1px solid var(--line); font-size: .875rem; }
.support h2 { font-size: .9375rem; } .support dl { display: grid; gap: .25rem; }
code { font: .9375em/1.5 ui-monospace, 'Cascadia Mono', Menlo, Consolas, monospace; overflow-wrap: anywhere; }

@media (min-width: 34rem) {
  body { padding: 3rem 1.5rem; gap: 1.75rem; }
  .card { padding: 2.5rem 2.5rem 2rem; }
  .person { grid-template-columns: auto 1fr; gap: 1.25rem; padding: 1.25rem; }
  .contacts div { display: grid; grid-template-columns: 12rem 1fr; gap: 1rem; }
  .support dl div { display: grid; grid-template-columns: 4.5rem 1fr; gap: .75rem; }
  .actions > * { flex: 0 1 auto; }
}
@media (forced-colors: active) {
  .card, .person, .notice, .new { border: 1px solid; } .card::before, .card::after { background: CanvasText; }
  .post, .outside, .pass { fill: CanvasText; } .avatar { fill: CanvasText; } .tick { stroke: CanvasText; } .avatar text { fill: Canvas; } .avatar path { stroke: Canvas; }
}
@media (prefers-reduced-motion: no-preference) {
  .primary, .secondary { transition: background-color .15s, border-color .15s; } .connector { transition: box-shadow .15s; }
  .inside .pass { animation: through .9s cubic-bezier(.3, .7, .2, 1) backwards; }
  .inside .pass:nth-child(4) { animation-delay: .08s; } .inside .pass:nth-child(3) { animation-delay: .16s; }
  .inside .pass:nth-child(2) { animation-delay: .24s; } .inside .pass:nth-child(1) { animation-delay: .32s; }
  @keyframes through { from { transform: translateX(-110px); opacity: 0; } 40% { opacity: 1; } }
}
`.trimStart()

const name = Buffer.from(digest(CSS)).toString('hex').slice(0, 24)

/** Serve as text/css with a long, immutable cache. */
export const STYLESHEET: { readonly path: string; readonly body: string } = {
  path: `/assets/${name}.css`,
  body: CSS,
}
