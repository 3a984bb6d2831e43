// What every live part of a page shares: one WebSocket, what it said last, and the decision when
// the page may be drawn anew. Each component's script begins with this file; the first one makes
// the hub, the others find it.

const hub = (globalThis[Symbol.for("ecommerce.live")] ??= makeHub())

function makeHub() {
  const OFF_AFTER_MS = 5_000 // a reconnection takes less: nobody need hear of it
  const SILENT_AFTER_MS = 60_000 // the server pings more than twice in this time
  const RETRY_MS = [500, 30_000] // the first and the longest wait, before jitter
  const PRESSED_FOR_MS = 500
  const TYPED_FOR_MS = 1_000
  const RUNS_AT_MOST_MS = 10_000
  const ANSWERS_WITHIN_MS = 5_000
  const LOOK_EVERY_MS = 100
  const TICK_MS = 250
  const TICKET_OVER = 4401
  const OPEN = '[role="dialog"], [role="listbox"], [role="menu"], [data-testid="stPopoverBody"]'

  let page = null // what the page told when it was drawn last
  let ended = 0 // the number of the last drawing that came to its end
  let startedAt = 0
  let ask = null // asks the server to draw the page
  let askedAt = -Infinity
  let askedFor = 0
  let again = null // when to draw once more, as the page asked

  let socket = null
  let isLive = false
  let isOver = false
  let failures = 0
  let retry = 0
  let watchdog = 0
  let closedAt = performance.now()
  let heardAt = 0
  let versions = null
  let epoch = null
  let checking = 0

  let pressedAt = -Infinity
  let typedAt = -Infinity
  let isDown = false
  let isComposing = false

  const listeners = new Set()
  let ticking = 0
  const hub = {
    clock: null,
    progress: [],
    aheadMs: 0, // how far the server's clock is ahead of this browser's
    get isOff() {
      return page !== null && !isLive && performance.now() - closedAt > OFF_AFTER_MS
    },
    now: () => Date.now() + hub.aheadMs,
    simulated,
    subscribe,
    draw,
    end,
    leave,
  }

  // Listeners hear of news, and four times a second of the time: all at once, so that two clocks
  // on a page show the same.
  function subscribe(listener) {
    listeners.add(listener)
    ticking ||= setInterval(tell, TICK_MS)
    listener()
    return () => {
      listeners.delete(listener)
      if (listeners.size > 0) return
      clearInterval(ticking)
      ticking = 0
    }
  }

  function tell() {
    for (const listener of listeners) listener()
  }

  // The simulated time in milliseconds: whole ticks alone, as the scheduler counts them.
  function simulated() {
    const clock = hub.clock
    if (clock === null) return null
    if (!clock.is_moving) return clock.simulated_ms
    const ticks = Math.max(0, Math.floor((hub.now() - clock.read_at_ms) / 1000))
    return clock.simulated_ms + ticks * clock.speed * 1000
  }

  // A drawing of the page has begun: what it shows, and how to ask for another one.
  function draw(data, askForAnother) {
    const isNew = page === null || data.draw !== page.draw || data.state.epoch !== page.state.epoch
    const hasNewTicket = page !== null && data.ticket !== page.ticket
    page = data
    ask = askForAnother
    if (isNew) {
      startedAt = performance.now()
      again = null
      // It is older than what the socket said, unless there is none.
      if (!isLive || epoch !== data.state.epoch) take(data.state)
    }
    if (hasNewTicket && isLive && data.ticket) socket.send(data.ticket)
    if (hasNewTicket && !isLive) connect()
    if (socket === null && !retry && !isOver) connect()
    check()
  }

  function end(data) {
    ended = data.ended
    again = data.again_ms === null ? null : { at: performance.now() + data.again_ms, ...data }
    check()
  }

  // The component of a page that was left is gone; that of the next one comes within moments.
  function leave(askForAnother) {
    setTimeout(() => {
      if (ask !== askForAnother) return
      page = ask = null
      clearTimeout(retry)
      retry = 0
      socket?.close()
    }, 2_000)
  }

  function take(said) {
    hub.aheadMs = said.now_ms - Date.now()
    hub.clock = said.clock
    hub.progress = said.progress
    versions = said.versions
    epoch = said.epoch
    tell()
    check()
  }

  function connect() {
    clearTimeout(retry)
    retry = 0
    isOver = false
    if (page === null || socket !== null) return
    if (page.ticket && hub.now() >= page.ticket_ends_ms) {
      // The server would refuse it, in a way that no browser tells from a server that is away.
      isOver = true
      check()
      return
    }
    const url = new URL("live", location.href)
    url.protocol = url.protocol.replace("http", "ws")
    if (page.ticket) url.searchParams.set("ticket", page.ticket)
    let opened
    try {
      opened = new WebSocket(url)
    } catch {
      later()
      return
    }
    socket = opened
    const sent = page.ticket
    opened.onopen = () => {
      failures = 0
      isLive = true
      if (page !== null && page.ticket !== sent) opened.send(page.ticket)
      watch()
      tell()
    }
    opened.onmessage = (message) => {
      watch()
      const said = JSON.parse(message.data)
      if (said.epoch) take(said)
    }
    opened.onclose = (event) => {
      if (socket !== opened) return
      socket = null
      if (isLive) closedAt = performance.now()
      isLive = false
      clearTimeout(watchdog)
      // The page knows whether the visitor is still signed in, and brings a new ticket if so.
      if (event.code === TICKET_OVER) isOver = true
      else later()
      check()
    }
  }

  function later() {
    const [first, longest] = RETRY_MS
    const wait = Math.min(longest, first * 2 ** Math.min(failures, 10))
    failures += 1
    clearTimeout(retry)
    // With jitter: a server that starts again is not asked by everybody at once.
    retry = setTimeout(connect, wait * (0.5 + Math.random()))
  }

  // A socket that is cut without a word, by a proxy or by sleep, is silent and never closed.
  function watch() {
    heardAt = performance.now()
    clearTimeout(watchdog)
    watchdog = setTimeout(drop, SILENT_AFTER_MS)
  }

  function drop() {
    const dropped = socket
    dropped?.close()
    dropped?.onclose?.({ code: 1006 })
  }

  function wake() {
    if (document.hidden || page === null) return
    if (socket !== null && performance.now() - heardAt > SILENT_AFTER_MS / 2) drop()
    if (socket === null && !isOver) {
      failures = 0
      connect()
    }
    tell()
    check()
  }

  function isBehind() {
    if (isOver) return true
    if (versions === null || page === null) return false
    if (epoch !== page.state.epoch) return true
    const drawn = page.state.versions
    return page.topics.some((topic) => (versions[topic] ?? 0) > (drawn[topic] ?? 0))
  }

  function isDue() {
    return again !== null && performance.now() >= again.at && !(again.unless_live && isLive)
  }

  // Why the page may not be drawn right now, if it may not.
  function isHeld() {
    const now = performance.now()
    if (document.hidden || isDown || isComposing) return true
    if (now - pressedAt < PRESSED_FOR_MS || now - typedAt < TYPED_FOR_MS) return true
    if (page.draw !== ended && now - startedAt < RUNS_AT_MOST_MS) return true
    if (page.draw === askedFor && now - askedAt < ANSWERS_WITHIN_MS) return true
    return [...document.querySelectorAll(OPEN)].some((open) => open.checkVisibility())
  }

  // Nothing runs while nothing waits: this goes on by itself only while the page is out of date.
  function check() {
    clearTimeout(checking)
    checking = 0
    if (page === null) return
    if (!isBehind() && !isDue()) {
      if (again !== null) {
        const wait = Math.max(again.at - performance.now(), LOOK_EVERY_MS)
        if (!(again.unless_live && isLive)) checking = setTimeout(check, wait)
      }
      return
    }
    if (!isHeld()) {
      askedAt = performance.now()
      askedFor = page.draw
      again = null
      ask(askedFor)
    }
    if (!document.hidden) checking = setTimeout(check, LOOK_EVERY_MS)
  }

  const hear = (name, act) => document.addEventListener(name, act, { capture: true, passive: true })
  const press = () => {
    pressedAt = performance.now()
  }
  hear("pointerdown", (event) => {
    // A menu of the browser's own keeps to itself how a press of another button ends.
    isDown = event.button === 0
    press()
  })
  for (const name of ["pointerup", "pointercancel", "dragend", "drop"])
    hear(name, () => {
      isDown = false
      press()
    })
  hear("click", press)
  hear("keydown", () => {
    press()
    typedAt = performance.now()
  })
  hear("input", () => {
    typedAt = performance.now()
  })
  hear("compositionstart", () => {
    isComposing = true
  })
  hear("compositionend", () => {
    isComposing = false
  })
  document.addEventListener("visibilitychange", wake)
  addEventListener("blur", () => {
    isDown = false
  })
  addEventListener("online", wake)
  addEventListener("pageshow", wake)
  return hub
}

// A duration in seconds, in the two largest units, as the server writes it.
function duration(seconds, words) {
  const whole = Math.floor(Math.max(0, seconds))
  const units = [
    [words.d, 86_400],
    [words.h, 3_600],
    [words.min, 60],
    [words.s, 1],
  ]
  for (let index = 0; index < 3; index += 1) {
    const [unit, size] = units[index]
    const [smaller, smallerSize] = units[index + 1]
    if (whole >= size) {
      const rest = Math.floor((whole % size) / smallerSize)
      const first = new Intl.NumberFormat(words.locale).format(Math.floor(whole / size))
      return rest ? `${first} ${unit} ${rest} ${smaller}` : `${first} ${unit}`
    }
  }
  return `${whole} ${words.s}`
}

function sizeOf(bytes, words) {
  const units = [...words.sizes]
  let count = bytes
  while (count >= 999.5 && units.length > 1) {
    count /= 1000
    units.shift()
  }
  const digits = count % 1 && count < 9.95 ? 1 : 0
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits }
  return `${new Intl.NumberFormat(words.locale, format).format(count)} ${units[0]}`
}

function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all)
}

// A simulated time, as the server writes it: 24 Nov 2025, 21:03:05.
function moment(ms, words) {
  const at = new Date(Math.floor(ms / 1000) * 1000)
  if (Number.isNaN(at.getTime())) return "–"
  const time = at.toISOString().slice(-13, -5)
  return `${at.getUTCDate()} ${words.months[at.getUTCMonth()]} ${at.getUTCFullYear()}, ${time}`
}

