// Keeps a page up to date: the content comes from the server as HTML, and the feed says when to get it again. The page knows the
// position in the stream that it shows, and the feed is opened behind it, so that no change is missed in between.

const region = () => document.getElementById('live')
const client = document.body.dataset.client // undefined on the list
const labels = new Map() // of the types of events
let feed, leave, opening, position, failures = 0
let timer, due, wanted, loading, took = 0 // of the refresh; wanted is set if the reader has asked for it
let changed = new Set() // keys of what has changed since the page was loaded

// say shows how the page is kept up to date.
function say(state, text) {
  const line = document.getElementById('feed')
  if (line.textContent !== text) line.textContent = text
  line.className = state
}

// request fetches a path, for 15 s at most. A relative URL would not do in a page whose own URL has a login in it.
const request = (path, accept, stop) => fetch(location.origin + path, {
  headers: { Accept: accept }, signal: AbortSignal.any([stop.signal, AbortSignal.timeout(15_000)])
})

// load puts the content of a page in the place of the present one. It throws an Error that says why it could not.
async function load(url) {
  const begun = performance.now(), shown = changed
  loading?.abort()
  const own = loading = new AbortController()
  changed = new Set() // what happens from now on may not be in the response
  try {
    const response = await request(url.pathname + url.search, 'text/html', own)
    const page = new DOMParser().parseFromString(await response.text(), 'text/html')
    const fresh = page.getElementById('live')
    if (!fresh) throw new Error(page.getElementById('reason')?.textContent ?? `status ${response.status}.`)
    replace(fresh, shown)
    document.title = page.title
  } catch (error) {
    changed = new Set([...shown, ...changed])
    throw error
  } finally {
    if (loading === own) loading = undefined
    took = performance.now() - begun
  }
}

// replace puts new content in the place of the old, marks what has changed, and leaves the focus where it was.
function replace(fresh, shown) {
  const focused = document.activeElement, inside = region().contains(focused)
  const name = link => link.dataset.inPlace ?? link.getAttribute('href')
  localTimes(fresh)
  for (const row of fresh.querySelectorAll('[data-key]')) row.classList.toggle('changed', shown.has(row.dataset.key))
  region().replaceWith(fresh)
  position = fresh.dataset.position
  if (!inside) return
  const same = [...fresh.querySelectorAll('a')].find(link => name(link) === name(focused))
  const target = same ?? document.getElementById('main')
  target.focus({ preventScroll: true })
}

// localTimes adds the time on the reader's clock to each UTC time.
function localTimes(root) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
  for (const time of root.querySelectorAll('time')) {
    const at = new Date(time.dateTime)
    if (at.getTimezoneOffset() === 0) continue
    const local = document.createElement('span')
    local.className = 'local'
    local.textContent = ` (${format.format(at)} local)`
    time.after(local)
  }
}

// refresh loads the page again after a delay, or earlier if it was called before. What the reader has selected is left alone,
// unless they asked for the page.
function refresh(delay, asked) {
  const at = performance.now() + delay
  wanted ||= asked
  if (timer && due <= at) return
  clearTimeout(timer)
  due = at
  timer = setTimeout(refreshNow, delay)
}

async function refreshNow() {
  const asked = wanted
  timer = wanted = undefined
  if (document.hidden || loading && !asked) return
  if (!asked && !getSelection().isCollapsed && region().contains(getSelection().anchorNode)) return refresh(1000)
  const known = position
  try {
    await load(location)
    if (asked && client) document.getElementById('news').textContent = document.getElementById('state')?.textContent ?? ''
    if (feed?.readyState === EventSource.OPEN) live()
    if (!feed) open()
    else if (changed.size) refresh(pause())
    else if (behind(position, known)) refresh(1000) // another replica has sent it
  } catch (error) {
    if (error.name !== 'AbortError') retry('Not up to date', error instanceof TypeError ? 'the service cannot be reached.' : error.message)
  }
}

// pause returns how long to wait for further changes: a page that takes long is loaded less often.
const pause = () => Math.max(changed.size > 1 ? 1000 : 100, 4 * took)

// behind reports whether a position is in front of another one of the same history.
function behind(a, b) {
  const [, sequence, epoch] = a.match(/^(\d+)-(.*)$/), [, other, otherEpoch] = b.match(/^(\d+)-(.*)$/)
  return epoch === otherEpoch && Number(sequence) < Number(other)
}

function retry(what, reason) {
  const seconds = Math.min(30, 2 ** failures++)
  say('lost', `${what}: ${reason} Trying again in ${seconds} s.`)
  refresh(seconds * 1000)
}

function live() {
  failures = 0
  say('live', 'Live')
}

// place takes one of four places for windows with a feed. Over HTTP/1.1 a browser has six connections to a host, and pages need
// some. A tab that is not shown has no place.
async function place() {
  if (!navigator.locks) return true // not a secure context
  for (const name of ['feed 1', 'feed 2', 'feed 3', 'feed 4']) {
    const taken = await new Promise(resolve => navigator.locks.request(name, { ifAvailable: true }, lock => {
      resolve(lock)
      return lock && new Promise(done => { leave = done })
    }))
    if (taken) return true
  }
  return false
}

// open opens the feed behind the position of the page. A window without a place loads the page now and then.
async function open() {
  if (opening) return
  close()
  opening = true
  const free = await place()
  opening = false
  if (!free) return retry('Not live', 'four other windows are live.')
  if (document.hidden) return leave?.()
  const from = position
  feed = new EventSource(`/clients/feed?after=${encodeURIComponent(from)}`)
  feed.onopen = live
  feed.onerror = async () => {
    if (feed.readyState !== EventSource.CLOSED) return say('lost', 'Connection lost. Reconnecting…')
    close()
    say('lost', 'Not live: the feed has ended.')
    retry('Not live', await refusal(from))
  }
  for (const type of labels.keys()) feed.addEventListener(type, received)
}

function close() {
  feed?.close()
  leave?.()
  feed = leave = undefined
}

// refusal returns why the feed was refused, which an EventSource does not know.
async function refusal(from) {
  try {
    const stop = new AbortController()
    const response = await request(`/clients/feed?after=${encodeURIComponent(from)}`, 'application/json', stop)
    if (response.ok) {
      stop.abort()
      return 'the connection has ended.'
    }
    return (await response.json()).message
  } catch {
    return 'the service cannot be reached.'
  }
}

function received(event) {
  const { subject, type } = JSON.parse(event.data)
  position = event.lastEventId
  if (client && subject !== client) return
  changed.add(client ? String(parseInt(event.lastEventId, 10)) : subject)
  if (!client) news(subject, labels.get(type))
  refresh(pause())
}

// news names the last change on the list, with a link: a client that was deleted is not in the list any more.
function news(id, label) {
  const link = document.createElement('a')
  link.href = `/console/clients/${id}`
  link.textContent = `client ${id}`
  document.getElementById('news').replaceChildren(`Last change: ${label.toLowerCase()}, `, link)
}

// go shows another state of the same page. Relative URLs work for a page whose own has a login in it.
function go(url, replace) {
  history[replace ? 'replaceState' : 'pushState'](null, '', url.pathname + url.search)
  moved()
}

// moved shows the state that the URL has by now.
function moved() {
  const time = document.querySelector('[name=as_of]')
  if (time) time.value = new URL(location).searchParams.get('as_of') ?? ''
  refresh(0, true)
}

function searched() {
  const url = new URL('/console/', location.origin)
  for (const [name, value] of new FormData(document.getElementById('search'))) if (value) url.searchParams.set(name, value)
  if (url.search !== location.search) go(url, true)
}

let typing
document.getElementById('search')?.addEventListener('input', () => { clearTimeout(typing); typing = setTimeout(searched, 200) })
document.getElementById('search')?.addEventListener('submit', event => { event.preventDefault(); searched() })
document.addEventListener('click', async event => {
  const link = event.target.closest('a[data-in-place]'), button = event.target.closest('[data-copy]')
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey) {
    event.preventDefault()
    go(new URL(link.href))
  } else if (button) {
    button.textContent = await navigator.clipboard.writeText(button.dataset.copy).then(() => 'Copied', () => 'Not allowed')
  }
})
if (region()) {
  for (const pair of region().dataset.types.split(';').filter(Boolean)) labels.set(...pair.split('='))
  position = region().dataset.position
  if (navigator.clipboard) for (const button of document.querySelectorAll('[data-copy]')) button.hidden = false
  localTimes(document)
  if (!document.hidden) open()
  addEventListener('pageshow', event => event.persisted && refresh(0))
  addEventListener('popstate', moved)
  addEventListener('pagehide', close)
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      close()
      say('', 'Paused')
    } else refresh(0)
  })
}
