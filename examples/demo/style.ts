const css = String.raw
export const style: string = css`
:root {
  color-scheme: light dark;
  --paper: #f5efe3; --card: #fffdf7; --ink: #211d17; --soft: #6a6153; --rule: #d3c8b3; --accent: #b3311a; --on-accent: #fff8f2;
  --shadow: 0 1px 2px rgb(60 40 10 / .18); --serif: 'Iowan Old Style', 'Palatino Linotype', Palatino, P052, Georgia, 'Times New Roman', serif;
  --mono: ui-monospace, 'SF Mono', Menlo, Consolas, 'Liberation Mono', monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171512; --card: #211e1a; --ink: #ece6d9; --soft: #a89f8f; --rule: #403a31; --accent: #f2886a; --on-accent: #1d100b;
    --shadow: 0 1px 2px rgb(0 0 0 / .6);
  }
}
* { box-sizing: border-box; margin: 0 }
body {
  max-width: 74rem; margin: 0 auto; padding: clamp(1rem, 4vw, 3rem); background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.5 var(--serif); text-wrap: pretty; -webkit-text-size-adjust: 100%;
}
a { color: inherit; text-decoration-color: var(--accent); text-underline-offset: .2em }
h1 { font-size: clamp(2.25rem, 7vw, 3.75rem); font-weight: 400; line-height: 1; letter-spacing: -.025em }
h1 a { text-decoration: none }
h2 { font-size: 1.375rem; font-weight: 400; font-style: italic; line-height: 1.2 }
h3 { font-size: 1.0625rem; font-weight: 600; line-height: 1.3 }
ol, ul { list-style: none; padding: 0 }
form { display: flex; align-items: center; gap: .5rem }

button, input { font: inherit; color: inherit; background: none; border: 1px solid var(--rule); border-radius: 2px }
button { min-width: 2.25rem; min-height: 2.25rem; padding: 0 .75rem; cursor: pointer }
button:hover { border-color: var(--accent); color: var(--accent) }
button.main { border-color: var(--accent); color: var(--accent) }
button.main:hover { background: var(--accent); color: var(--on-accent) }
button.quiet { border-color: transparent; padding: 0 .25rem; color: var(--soft); text-decoration: underline; text-underline-offset: .2em }
button.quiet:hover { color: var(--accent) }
input { min-height: 2.25rem; padding: 0 .625rem; background: var(--card) }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }

.masthead {
  display: flex; flex-wrap: wrap; align-items: flex-end; justify-content: space-between; gap: 1rem 3rem;
  padding-bottom: 1.25rem; border-bottom: 3px double var(--ink);
}
.motto { margin-top: .5rem; color: var(--soft); font-style: italic }
.account label, .account .fine { color: var(--soft) }
.account.login { display: grid; grid-template-columns: auto minmax(0, 11rem) auto }
.account .fine { grid-column: 1 / -1; font-size: .9375rem }
.account .who { margin-right: .75rem }

main { display: grid; gap: 2.5rem clamp(2rem, 5vw, 4rem); padding: 2rem 0 3rem }
.catalogue ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 2rem 2.25rem; margin-top: 1.25rem }
.catalogue li { display: flex; flex-direction: column }
.catalogue p { flex: 1; margin-bottom: .75rem; color: var(--soft); font-size: .9375rem; line-height: 1.4 }
.drawing {
  width: 100%; height: 7.5rem; margin-bottom: .875rem; padding: 1.25rem; background: var(--card); box-shadow: var(--shadow);
  fill: none; stroke: currentColor; stroke-width: 1.25; stroke-linecap: round; stroke-linejoin: round;
}
.numeral { margin-right: .25rem; color: var(--accent); font: .8125rem var(--mono) }
.buy { justify-content: space-between; padding-top: .625rem; border-top: 1px solid var(--rule) }
.price, .quantity, .total strong { font-variant-numeric: lining-nums tabular-nums }

.bag { align-self: start; scroll-margin-top: 1rem }
.bag ul { margin-top: 1.25rem; border-top: 1px solid var(--ink) }
.bag li { display: grid; grid-template-columns: 1fr auto; gap: .375rem 1rem; padding: .75rem 0; border-bottom: 1px solid var(--rule) }
.bag li form { grid-column: 1 / -1 }
.quantity { min-width: 1.75rem; text-align: center }
.quiet { margin-left: auto }
.total { display: flex; justify-content: space-between; padding: .875rem 0; font-size: 1.1875rem }
.empty { margin-top: 1.25rem; padding: 1.25rem 0; border: solid var(--rule); border-width: 1px 0; color: var(--soft); font-style: italic }
.note { margin-top: 1rem; padding: .5rem .875rem; border-left: 3px solid var(--accent); background: var(--card); box-shadow: var(--shadow) }
.hint, .caption { margin-top: 1rem; color: var(--soft); font-size: .875rem; line-height: 1.45 }

.panel { padding-top: 1.5rem; border-top: 1px solid var(--ink) }
.ticket {
  --hole: 5px; display: grid; margin-top: 1.25rem; background: var(--card);
  mask: radial-gradient(circle at 0, #0000 var(--hole), #000 calc(var(--hole) + .5px)) left / 51% 1rem repeat-y,
    radial-gradient(circle at 100%, #0000 var(--hole), #000 calc(var(--hole) + .5px)) right / 51% 1rem repeat-y;
}
.half { min-width: 0; padding: 1.5rem clamp(1.5rem, 4vw, 2.5rem) }
.half + .half { border-top: 2px dashed var(--rule) }
.half header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem }
.half h3 { font-size: .9375rem }
.request { color: var(--soft); font: .8125rem/1.6 var(--mono) }
.number { margin: .5rem 0 .75rem; color: var(--accent); font: clamp(1.5rem, 6vw, 2.125rem)/1.3 var(--mono); letter-spacing: .04em }
.number small { font: italic 1.125rem var(--serif); letter-spacing: 0 }
.half dl > div { display: flex; align-items: baseline; gap: .5rem; padding: .125rem 0 }
.half dl > div::before { content: ''; order: 1; flex: 1; border-bottom: 1px dotted var(--soft); opacity: .6 }
.half dd { order: 2; font-variant-numeric: lining-nums tabular-nums; text-align: right }
.half .nested { padding-left: 1.25rem; color: var(--soft); font-size: .9375rem; font-style: italic }
.blank { display: grid; place-content: center; color: var(--soft); font-style: italic; text-align: center }
.caption { max-width: 44rem }
.blank p { max-width: 18rem }

.error { justify-items: start; gap: .75rem; max-width: 36rem; padding: 3rem 0 }
.error .status { color: var(--accent); font: 4rem/1 var(--mono) }
footer { margin-top: 2rem; color: var(--soft); font-size: .875rem }

@media (min-width: 56rem) {
  main { grid-template-columns: 1fr 19rem }
  .error { grid-template-columns: none }
  .bag { scroll-margin-top: 15rem }
  .ticket { grid-template-columns: 1fr 1fr }
  .half + .half { border-top: 0; border-left: 2px dashed var(--rule) }
}
@media (max-width: 30rem) {
  .account.login { grid-template-columns: auto minmax(0, 1fr) auto; width: 100% }
  .catalogue ol { grid-template-columns: 1fr }
  .catalogue li { display: grid; grid-template-columns: 5.5rem minmax(0, 1fr); column-gap: 1rem }
  .catalogue .drawing { grid-row: 1 / 4; height: 5.5rem; padding: .75rem; margin: 0 }
  .catalogue p { margin-bottom: .5rem }
}
`

/** The address changes with the contents, so that browsers may keep it for ever. */
export const stylePath: string = `/style-${fnv1a(style)}.css`

/** 32 bits tell two style sheets apart. A Worker may not use its crypto while the script loads, so this is plain arithmetic. */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}
