"""How the report looks: one style sheet, light and dark, narrow and wide, screen and paper."""

CSS = """
:root {
  --paper: #ffffff; --ink: #22303c; --muted: #5b6873; --line: #dfe4e8; --tint: #f5f7f9;
  --accent: #b43c0b; --warn: #fff6e6; --warn-line: #d99a1c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14191e; --ink: #e6eaee; --muted: #a0acb6; --line: #303a43; --tint: #1c232a;
    --accent: #ff9d6b; --warn: #2b2415; --warn-line: #b98a2b;
  }
}
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); -webkit-text-size-adjust: 100%; }
body { margin: 0; font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: clamp(1.6rem, 5vw, 2.3rem); line-height: 1.2; margin: .2rem 0 .8rem; letter-spacing: -.01em; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
p { margin: .5rem 0; }
.names { color: var(--muted); margin: 0; }
.names span { font-style: italic; }
.lead { font-size: 1.15rem; }
.note, figcaption, footer { color: var(--muted); font-size: .875rem; }
ul { padding-left: 1.2rem; margin: .4rem 0; }
li { margin: .5rem 0; }
li::marker { color: var(--muted); }
.warnings { background: var(--warn); border-left: 4px solid var(--warn-line); border-radius: 4px;
  padding: .8rem 1.1rem; margin: 1.5rem 0; }
.warnings h2 { margin: 0; font-size: 1rem; }
figure { margin: 1.8rem 0; }
img { display: block; width: 100%; height: auto; background: #fff; border: 1px solid var(--line);
  border-radius: 8px; padding: .5rem; }
figcaption { margin-top: .6rem; }
dl { margin: 0; border-top: 1px solid var(--line); }
dl div { display: flex; gap: 1rem; padding: .45rem 0; border-bottom: 1px solid var(--line); }
dt { flex: 0 0 15rem; color: var(--muted); }
dd { margin: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .925rem; }
th, td { text-align: right; padding: .4rem .7rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
thead th { color: var(--muted); font-weight: 500; white-space: normal; overflow-wrap: normal;
  vertical-align: bottom; }
tbody th { font-weight: 500; }
th:first-child { padding-left: .2rem; }
td:last-child { text-align: left; color: var(--muted); }
.marked th, .marked td { background: var(--tint); font-weight: 600; }
.marked td:last-child { color: var(--accent); }
details { margin-top: 2.4rem; border-top: 1px solid var(--line); padding-top: 1rem; }
section details { margin-top: 1rem; border: 0; padding: 0; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; background: var(--tint); padding: 1rem; border-radius: 6px; font-size: .8rem;
  line-height: 1.45; }
footer { margin-top: 2.5rem; }
@media (max-width: 34rem) {
  dl div { flex-direction: column; gap: 0; }
  dt { flex-basis: auto; }
}
@media print {
  :root { --paper: #fff; --ink: #000; --muted: #444; --line: #bbb; --tint: #f2f2f2; --accent: #000;
    --warn: #fff; --warn-line: #000; }
  main { max-width: none; padding: 0; }
  body { font-size: 10.5pt; }
  section, figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  pre { white-space: pre-wrap; }
}
"""
