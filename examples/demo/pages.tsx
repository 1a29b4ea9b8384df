import { html } from 'hono/html'
import type { Child } from 'hono/jsx'
import type { JSX } from 'hono/jsx/jsx-runtime'
import { Drawing } from './drawings.tsx'
import { PanelSlot } from './panel.tsx'
import { type Article, catalogue, type Line, price, totalCents } from './shop.ts'
import { stylePath } from './style.ts'

type Html = ReturnType<typeof html>

function page(title: string, body: Child): Html {
  return html`<!doctype html>${(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        <link rel="stylesheet" href={stylePath} />
        <link rel="icon" type="image/svg+xml" href="/icon.svg" />
      </head>
      <body>{body}</body>
    </html>
  )}`
}

export interface ShopProps {
  readonly name: string | undefined
  readonly lines: readonly Line[]
  /** The flash message, or the word of farewell after a logout. */
  readonly note: string | undefined
}

export function shopPage({ name, lines, note }: ShopProps): Html {
  return page(
    'Claim Check, goods for cloakrooms',
    <>
      <header class="masthead">
        <div>
          <h1>
            <a href="/">Claim Check</a>
          </h1>
          <p class="motto">Goods for cloakrooms. You keep the ticket, we keep the bag.</p>
        </div>
        {name === undefined ? <LogIn /> : <LogOut name={name} />}
      </header>
      <main>
        <section class="catalogue" aria-labelledby="catalogue-title">
          <h2 id="catalogue-title">Catalogue</h2>
          <ol>
            {catalogue.map((article, at) => (
              <CatalogueEntry article={article} number={at + 1} />
            ))}
          </ol>
        </section>
        <Bag name={name} lines={lines} note={note} />
      </main>
      <PanelSlot />
      <footer>
        A demonstration: nothing is sold, and every form works without JavaScript, of which there is none.
      </footer>
    </>,
  )
}

function LogIn(): JSX.Element {
  return (
    <form class="account login" method="post" action="/login">
      <label for="name">Your name</label>
      <input id="name" name="name" required maxlength={40} autocomplete="nickname" />
      <button type="submit" class="main">
        log in
      </button>
      <p class="fine">Any name will do, there is no password.</p>
    </form>
  )
}

function LogOut({ name }: { name: string }): JSX.Element {
  return (
    <form class="account" method="post" action="/logout">
      <p class="who">
        Good day, <strong>{name}</strong>
      </p>
      <button type="submit">log out</button>
    </form>
  )
}

function CatalogueEntry({ article, number }: { article: Article; number: number }): JSX.Element {
  const { sku, title, text, cents } = article
  return (
    <li>
      <Drawing sku={sku} />
      <h3>
        <span class="numeral">{String(number).padStart(2, '0')}</span> {title}
      </h3>
      <p>{text}</p>
      <form class="buy" method="post" action="/bag">
        <input type="hidden" name="sku" value={sku} />
        <span class="price">{price(cents)}</span>
        <button type="submit" name="change" value="more" class="main" aria-label={`add ${title}`}>
          add
        </button>
      </form>
    </li>
  )
}

function Bag({ name, lines, note }: ShopProps): JSX.Element {
  return (
    <section class="bag" id="bag" aria-labelledby="bag-title">
      <h2 id="bag-title">{name === undefined ? 'The bag' : 'Your bag'}</h2>
      {note !== undefined && (
        <p class="note" role="status">
          {note}
        </p>
      )}
      {lines.length === 0 ? <p class="empty">Nothing in it yet.</p> : <BagLines lines={lines} />}
      <p class="hint">
        Open this page in a second tab and press buttons in both. A button sends a change, never a total, and each
        article is a session key of its own: changes to different articles merge, changes to the same one run again on
        the newer number. None is lost.
      </p>
    </section>
  )
}

function BagLines({ lines }: { lines: readonly Line[] }): JSX.Element {
  return (
    <>
      <ul>
        {lines.map((line) => (
          <BagLine line={line} />
        ))}
      </ul>
      <p class="total">
        <span>Total</span> <strong>{price(totalCents(lines))}</strong>
      </p>
    </>
  )
}

function BagLine({ line: { article, quantity } }: { line: Line }): JSX.Element {
  const { sku, title, cents } = article
  return (
    <li data-sku={sku}>
      <span class="title">{title}</span>
      <span class="price">{price(cents * quantity)}</span>
      <form method="post" action="/bag">
        <input type="hidden" name="sku" value={sku} />
        <button type="submit" name="change" value="less" aria-label={`one ${title} less`}>
          −
        </button>
        <span class="quantity">{quantity}</span>
        <button type="submit" name="change" value="more" aria-label={`one ${title} more`}>
          +
        </button>
        <button type="submit" name="change" value="none" class="quiet" aria-label={`remove ${title}`}>
          remove
        </button>
      </form>
    </li>
  )
}

export function errorPage(status: number, title: string, text: string): Html {
  return page(
    title,
    <>
      <header class="masthead">
        <h1>
          <a href="/">Claim Check</a>
        </h1>
      </header>
      <main class="error">
        <p class="status">{status}</p>
        <h2>{title}</h2>
        <p>{text}</p>
        <p>
          <a href="/">Back to the counter</a>
        </p>
      </main>
      <PanelSlot />
    </>,
  )
}
