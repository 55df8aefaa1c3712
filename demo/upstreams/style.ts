/** The look of the simulated upstreams' pages: neutral, light and dark, readable at any width; no fonts, no images. */
export const pageStyle = `
:root { color-scheme: light dark; --ground: #eef0f2; --card: #fff; --ink: #1c2126; --soft: #545c64; --line: #c9ced4;
  --accent: #2b5a83; --hover: #f3f6f9; --mark: #7a4b00; --mark-ground: #fff3d6; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --card: #1e2226; --ink: #e8eaed; --soft: #aab2ba;
  --line: #3c444c; --accent: #8fc1ec; --hover: #272d33; --mark: #ffd98a; --mark-ground: #3a2d10; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 2rem auto; padding: 1.5rem 1.75rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 12px; }
@media (max-width: 36rem) { main { margin: 0; border: 0; border-radius: 0; min-height: 100vh; padding: 1.25rem; } }
h1 { font-size: 1.4rem; margin: 1rem 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; } p { margin: .25rem 0 1rem; }
a { color: var(--accent); } code { overflow-wrap: anywhere; font-size: .9em; }
.banner { display: inline-block; margin: 0; padding: .15rem .7rem; border-radius: 999px; font-size: .875rem;
  color: var(--mark); background: var(--mark-ground); }
.people { list-style: none; margin: 0; padding: 0; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.people li + li { border-top: 1px solid var(--line); }
.people button, .people .row { display: flex; gap: .9rem; align-items: center; width: 100%; padding: .7rem .9rem;
  background: none; color: inherit; font: inherit; text-align: left; }
.people button { border: 0; cursor: pointer; } .people button:hover { background: var(--hover); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: -3px; }
.avatar { flex: none; width: 44px; height: 44px; border-radius: 50%; display: grid; place-items: center;
  background: var(--accent); color: var(--card); font-weight: 600; }
.who { display: grid; min-width: 0; } .who span, .who small { overflow-wrap: anywhere; color: var(--soft); }
.who small { font-size: .875rem; }
.foot { margin: 1.25rem 0 0; }
button.plain, select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; padding: .45rem .9rem; }
button.plain { cursor: pointer; background: var(--hover); border-color: var(--accent); }
.switch { display: grid; grid-template-columns: minmax(8rem, 1fr) minmax(0, 2fr); gap: .25rem 1rem; align-items: center;
  margin: .4rem 0; } .switch select { width: 100%; min-width: 0; }
@media (max-width: 28rem) { .switch { grid-template-columns: 1fr; } }
`
