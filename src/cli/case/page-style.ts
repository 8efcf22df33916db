// How the case page looks: on a wide screen, on a phone, by night and on paper. One sheet of CSS, nothing
// fetched.

export const PAGE_STYLE = `
:root { color-scheme: light dark; --page: #f4f5f7; --card: #fff; --text: #1b1f24; --soft: #57606a; --edge: #d5d9de;
  --room: #e7eaee; --event: #57606a; --decides: #a15c00; --freeze: #b3261e; --hold: #b35900; --step-up: #6f42c1;
  --review: #0a6a8a; --release: #1a7f37; --decision: #0b57d0; --alarm: #fdecea; --alarm-text: #8c1d18; }
@media (prefers-color-scheme: dark) { :root { --page: #0f1215; --card: #181c21; --text: #e6e9ec; --soft: #9aa4ae;
  --edge: #30363d; --room: #262c33; --event: #8b949e; --decides: #e3a03a; --freeze: #ff7b72; --hold: #f0a050;
  --step-up: #b794f4; --review: #56c2e6; --release: #56d364; --decision: #79aefc; --alarm: #3b1513; --alarm-text: #ffb4ab; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); overflow-wrap: anywhere;
  font: .95rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.2rem; margin: 0 0 .4rem; } h3 { font-size: .8rem; margin: 1.4rem 0 .5rem;
  text-transform: uppercase; letter-spacing: .05em; color: var(--soft); }
p { margin: .4rem 0; } figure { margin: 1rem 0; } code, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, "Liberation Mono", "DejaVu Sans Mono", monospace; font-size: .85em; }
.soft { color: var(--soft); } .small { font-size: .85rem; }
header, article { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 1.25rem; margin-bottom: 1rem; }
.alarm { background: var(--alarm); color: var(--alarm-text); border-radius: 6px; padding: .6rem .8rem; margin: .8rem 0 0; font-weight: 600; }
.closed { list-style: none; margin: .8rem 0 0; padding: 0; display: grid; gap: .4rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
.closed li { border-left: 5px solid; border-radius: 4px; padding: .3rem .7rem; background: var(--page); }
.closed b, .closed span { display: block; } .closed span { color: var(--text); font-size: .85rem; }
.free { color: var(--release); font-weight: 600; margin-top: .8rem; }
.badges { display: flex; flex-wrap: wrap; gap: .35rem; margin: .2rem 0 .6rem; }
.badge { border: 1px solid var(--edge); border-radius: 99px; padding: .05rem .6rem; font-size: .8rem; color: var(--soft); }
.badge.open { color: var(--freeze); border-color: currentColor; font-weight: 600; } .badge.released { color: var(--release); border-color: currentColor; font-weight: 600; }
.badge.critical, .badge.high { color: var(--freeze); border-color: currentColor; }
nav ul { margin: .3rem 0 0; padding-left: 1.2rem; } a { color: var(--decision); }
svg { display: block; overflow: visible; } svg text { font: 600 12px system-ui, "Liberation Sans", sans-serif; fill: var(--card); }
.axis { stroke: var(--edge); stroke-width: 2; } .stem { stroke: currentColor; stroke-width: 1.5; } .head circle { fill: currentColor; }
.ends { display: flex; justify-content: space-between; gap: 1rem; color: var(--soft); font-size: .8rem; } .ends span:nth-child(2) { white-space: nowrap; }
.protection { margin: .5rem 0 .2rem; } .protection p { margin: 0 0 .15rem; font-size: .9rem; }
.bar rect { fill: currentColor; } .bar .room { fill: var(--room); } .bar .cut { opacity: .25; } .now { stroke: var(--text); stroke-width: 2; stroke-dasharray: 3 2; }
.event { color: var(--event); } .decides { color: var(--decides); } .freeze { color: var(--freeze); } .hold { color: var(--hold); }
.step_up { color: var(--step-up); } .review { color: var(--review); } .release { color: var(--release); } .ack { color: var(--release); }
.other, .other + .what { color: var(--soft); } .dot.other { opacity: .5; scale: .7; }
.unanswered { color: var(--alarm-text); } .decision { color: var(--decision); } .end { color: var(--soft); }
.moments { list-style: none; margin: 0; padding: 0; }
.moments li { display: grid; grid-template-columns: 7rem 1.6rem 1fr; gap: 0 .6rem; position: relative; padding-bottom: .9rem; break-inside: avoid; }
.moments li::before { content: ""; position: absolute; left: calc(7.6rem + .8rem - 1px); top: 1.2rem; bottom: -.2rem; border-left: 2px solid var(--edge); }
.moments li:last-child::before { display: none; }
.moments time { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } .moments .gap, .moments .date { display: block; color: var(--soft); font-size: .8rem; }
.dot { width: 1.6rem; height: 1.6rem; border-radius: 50%; background: currentColor; display: grid; place-items: center; font-weight: 600; font-size: .75rem; z-index: 1; }
.dot span { color: var(--card); }
.what { min-width: 0; padding-top: .05rem; } .what b { color: var(--text); } .decides + .what b, .freeze + .what b { color: inherit; }
.fields { display: flex; flex-wrap: wrap; gap: .1rem .8rem; margin: .1rem 0 0; } .fields dt, .fields dd { display: inline; margin: 0; } .fields dt { color: var(--soft); } .fields dt::after { content: " "; }
.place { color: var(--soft); font-size: .75rem; margin-top: .1rem; } blockquote { margin: .3rem 0; padding-left: .7rem; border-left: 3px solid var(--edge); }
.undo { background: var(--page); border-radius: 6px; padding: .6rem .8rem; display: block; white-space: pre-wrap; }
ul.plain { margin: .3rem 0; padding-left: 1.2rem; } footer { color: var(--soft); font-size: .8rem; }
@media (max-width: 40rem) { main { padding: .75rem .6rem 2rem; } header, article { padding: 1rem .8rem; }
  .moments li { grid-template-columns: 1.6rem 1fr; } .moments time { grid-column: 2; grid-row: 1; text-align: left; color: var(--soft); font-size: .85rem; padding-top: .15rem; }
  .moments .gap, .moments .date { display: inline; } .moments .gap { margin-left: .5rem; } .dot { grid-column: 1; grid-row: 1; } .what { grid-column: 2; } .moments li::before { left: calc(.8rem - 1px); top: 1.6rem; } }
@media print { :root { --page: #fff; --card: #fff; --text: #000; --soft: #444; --edge: #bbb; --room: #eee; --event: #57606a; --decides: #a15c00; --freeze: #b3261e;
  --hold: #b35900; --step-up: #6f42c1; --review: #0a6a8a; --release: #1a7f37; --decision: #0b57d0; --alarm: #fff; --alarm-text: #8c1d18; }
  html { font-size: 11.5px; } main { max-width: none; padding: 0; } header, article { border: 0; border-bottom: 1px solid #bbb; border-radius: 0; padding: .5rem 0; }
  h2, h3, figure { break-after: avoid; } .dot, .bar rect, .head circle { -webkit-print-color-adjust: exact; print-color-adjust: exact; } nav { display: none; } .alarm { border: 2px solid; } }
`;
