/** A chart and the table behind it; the script fills both. */
const chart = (id: string, title: string, note: string) => `
<figure class="chart" aria-labelledby="${id}-title">
<figcaption><h3 id="${id}-title">${title}</h3><p>${note}</p></figcaption>
<div id="${id}" class="plot" role="img" aria-label="${title}: waiting for data"></div>
<details><summary>${title}: as a table</summary><div class="scroll" tabindex="0" role="region" aria-label="${title}: as a table"><table id="${id}-table"></table></div></details>
</figure>`

const table = (id: string, title: string, note = '') => `
<div class="card"><h3 id="${id}-title">${title}</h3>${note ? `<p>${note}</p>` : ''}
<div class="scroll" tabindex="0" role="region" aria-labelledby="${id}-title"><table id="${id}" aria-labelledby="${id}-title"></table></div></div>`

/** The page, without any data. `base` leads from its address to that of its parts. */
export const html = (base: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sessions</title>
<link rel="stylesheet" href="${base}page.css">
<script src="${base}page.js" data-events="${base}events" defer></script>
</head>
<body>
<header>
<div><h1>Sessions</h1><p id="summary">Waiting for the first numbers.</p></div>
<div class="live"><p><span id="live-mark" aria-hidden="true"></span> <span id="live">connecting</span></p>
<button type="button" id="pause">Pause</button></div>
</header>
<p id="announcer" class="unseen" role="status"></p>
<noscript><p class="card">This page needs JavaScript: it is told what is new every second.</p></noscript>
<main>
<section aria-labelledby="now"><h2 id="now" class="unseen">Now</h2><dl id="tiles" class="tiles"></dl></section>
<section aria-labelledby="nodes-heading"><h2 id="nodes-heading">Nodes</h2>
${table('nodes', 'Health and balance', 'Items and commands show how evenly the ring is filled: shares far from each other are a ring out of balance, or weights.')}
</section>
<section aria-labelledby="traffic"><h2 id="traffic">Traffic</h2><div class="grid">
${chart('requests', 'Loads and commits', 'Per second, the last five minutes.')}
${chart('hits', 'Hit ratio', 'Loads that found their session, of those that came with a good cookie.')}
${chart('losses', 'Sessions lost', 'Per second. Each is a user who has to log in again, and should not have to.')}
${chart('refusals', 'Refused', 'Per second: 409 for rivals and ended sessions, 503 while the store is away, cookies that are no good.')}
</div>
${table('reasons', 'Why there was no session')}
</section>
<section aria-labelledby="latency"><h2 id="latency">Latency</h2><div class="grid">
${chart('times', 'Loads and commits, in milliseconds', 'Half of them, and all but one in a hundred, took at most so long; of several processes the slowest.')}
${chart('sizes', 'Record sizes', 'Records written since the start, by their bytes as stored.')}
${table('verbs', 'What requests waited for', 'Milliseconds, the last one to two minutes.')}
${table('commands', 'What nodes answered', 'Milliseconds of each command of Memcached, the last one to two minutes.')}
</div></section>
<section aria-labelledby="fleet"><h2 id="fleet">Processes</h2>
${table('processes', 'Who is counted here', 'The last ten seconds of each.')}
</section>
<section aria-labelledby="events"><h2 id="events">Notable events</h2>
${table('notable', 'The last hundred', 'The same again within ten seconds is one line. The reference is that of the last session, as in your logs.')}
</section>
</main>
<footer><p>Sessions without trouble are not listed. No id, cookie, key or value is known to this page.</p></footer>
</body>
</html>
`
