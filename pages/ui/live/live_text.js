// A line of text with parts that move: the simulated time, a countdown, an age.

const stops = new WeakMap()

export default function ({ data, parentElement }) {
  const { parts, words } = data
  const line = parentElement.querySelector("p")
  line.className = data.look
  const spans = parts.map((part) => {
    const span = document.createElement(part.bold ? "strong" : "span")
    span.textContent = part.text ?? ""
    return span
  })
  line.replaceChildren(...spans)
  const show = () => {
    parts.forEach((part, index) => {
      const said = moving(part, words)
      if (said !== null && spans[index].textContent !== said) spans[index].textContent = said
    })
  }
  stops.get(parentElement)?.()
  const stop = hub.subscribe(show)
  stops.set(parentElement, stop)
  return stop
}

// What a part says now; null if it is a text that stands.
function moving(part, words) {
  if (part.age_ms !== undefined) {
    const seconds = Math.floor((hub.now() - part.age_ms) / 1000)
    return seconds < 2 ? words.just_now : fill(words.ago, { duration: duration(seconds, words) })
  }
  if (part.scaled_since_ms !== undefined) {
    const seconds = (hub.now() - part.scaled_since_ms) / 1000
    return duration(seconds * (hub.clock?.speed ?? 0), words)
  }
  const at = hub.simulated()
  if (part.simulated_since_ms !== undefined)
    return at === null ? "–" : duration((at - part.simulated_since_ms) / 1000, words)
  if (part.until_ms !== undefined) {
    if (at === null) return "–"
    const { is_moving: isMoving, is_paused: isPaused, speed } = hub.clock
    if (isPaused) return words.clock_paused
    if (!isMoving || speed <= 0) return hub.clock.is_still ? words.clock_still : "–"
    const left = (part.until_ms - at) / speed / 1000
    return left < 1 ? words.due : fill(words.in, { duration: duration(left, words) })
  }
  if (part.clock) return at === null ? "–" : moment(at, words)
  return null
}
