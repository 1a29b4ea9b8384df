import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import type { JSX } from 'hono/jsx/jsx-runtime'
import { attemptsOf, outcomeOf, type Trace } from './trace.ts'

/**
 * Holds the panel's place while the page is rendered: what the commit did is known only after the handler has returned.
 * Nothing that a visitor types can contain it, because JSX escapes `<`.
 */
export const panelSlot = '<!--panel-->'

export function PanelSlot(): JSX.Element {
  return <>{raw(panelSlot)}</>
}

/** The two halves of a ticket: the request that rendered this page, and the POST that led here. */
export function Panel({ store, page, post }: { store: string; page: Trace; post: Trace | undefined }): JSX.Element {
  return (
    <section class="panel" aria-labelledby="panel-title">
      <h2 id="panel-title">What the session layer did for this request</h2>
      <div class="ticket">
        <Half title="This page" store={store} trace={page} />
        {post ? <Half title="The form before it" store={store} trace={post} /> : <BlankHalf />}
      </div>
      <p class="caption">
        A page that shows a message also writes: it takes the message out of the session. Load it again, and it is one
        read with nothing written and no cookie sent. Without a session even the read is saved.
      </p>
    </section>
  )
}

function Half({ title, store, trace }: { title: string; store: string; trace: Trace }): JSX.Element {
  const { calls, ref, ticket } = trace
  return (
    <article class="half">
      <header>
        <h3>{title}</h3>
        <p class="request">
          {trace.method} {trace.path} → {trace.status}
        </p>
      </header>
      <p class="number">
        <small>Ref. no.</small> {ref ?? '–'}
      </p>
      <dl>
        <Row term="Outcome">
          <strong>{outcomeOf(trace)}</strong>
        </Row>
        <Row term="Round trips">
          <strong>{calls.length}</strong> to {store}
        </Row>
        {calls.map(({ verb, answer, ms }) => (
          <Row term={verb} nested>
            {answer}, {ms.toFixed(ms < 1 ? 2 : 1)} ms
          </Row>
        ))}
        <Row term="Attempts">{attemptsOf(trace) ?? '–'}</Row>
        <Row term="Revision">{ticket?.revision ?? '–'}</Row>
        <Row term="Idle time left">{ticket && trace.idleSeconds !== undefined ? duration(trace.idleSeconds) : '–'}</Row>
        <Row term="Absolute time left">{ticket ? duration(trace.absoluteSeconds) : '–'}</Row>
        <Row term="Set-Cookie">{trace.cookieSent ? 'sent' : 'none'}</Row>
      </dl>
    </article>
  )
}

function BlankHalf(): JSX.Element {
  return (
    <article class="half blank">
      <p>After a form, this half tells what its POST did.</p>
    </article>
  )
}

function Row({ term, nested, children }: { term: string; nested?: boolean; children?: Child }): JSX.Element {
  return (
    <div class={nested ? 'nested' : undefined}>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function duration(seconds: number): string {
  const units = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60]
  const names = ['h', 'min', 's']
  const from = units.findIndex((unit) => unit > 0)
  return units.flatMap((unit, at) => (at >= from && from >= 0 ? [`${unit} ${names[at]}`] : [])).join(' ') || '0 s'
}
