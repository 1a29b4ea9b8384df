/** A text, or a text with a share that is drawn beside it. */
export type Cell = string | { readonly text: string; readonly share?: number | undefined; readonly isBad?: boolean }

/**
 * Puts rows into a table. Only texts that have changed are touched: what somebody has marked or is having read aloud stays. The first
 * cell of a row is its heading.
 */
export function fill(id: string, heads: readonly string[], rows: readonly (readonly Cell[])[], empty: string): void {
  const table = document.getElementById(id) as HTMLTableElement
  const head = table.tHead ?? table.createTHead()
  const body = table.tBodies[0] ?? table.createTBody()
  fillRow(head.rows[0] ?? head.insertRow(), heads, 'col')
  const shown: readonly (readonly Cell[])[] = rows.length > 0 ? rows : [[empty]]
  for (const [at, cells] of shown.entries()) fillRow(body.rows[at] ?? body.insertRow(), cells, 'row')
  const [first] = body.rows[0]?.cells ?? []
  if (first) first.colSpan = rows.length > 0 ? 1 : heads.length
  while (body.rows.length > shown.length) body.deleteRow(-1)
}

function fillRow(row: HTMLTableRowElement, cells: readonly Cell[], scope: 'col' | 'row'): void {
  for (const [at, cell] of cells.entries()) fillCell(row.cells[at] ?? addCell(row, at, scope), cell)
  while (row.cells.length > cells.length) row.deleteCell(-1)
}

function addCell(row: HTMLTableRowElement, at: number, scope: 'col' | 'row'): HTMLTableCellElement {
  const isHead = scope === 'col' || at === 0
  const cell = document.createElement(isHead ? 'th' : 'td')
  if (isHead) cell.scope = scope
  return row.appendChild(cell)
}

function fillCell(place: HTMLTableCellElement, cell: Cell): void {
  const { text, share, isBad } = typeof cell === 'string' ? { text: cell } : { share: undefined, isBad: false, ...cell }
  place.classList.toggle('bad', isBad === true)
  if (place.dataset.text !== text) {
    place.dataset.text = text
    place.textContent = text
  }
  const meter = place.querySelector('meter')
  if (share === undefined) meter?.remove()
  else drawShare(meter ?? place.appendChild(document.createElement('meter')), share)
}

/** The text beside it says the same. */
function drawShare(meter: HTMLMeterElement, share: number): void {
  meter.ariaHidden = 'true'
  meter.value = share
}
