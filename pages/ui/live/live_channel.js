// The frame's own part: it tells the hub what the page drew, and shows the simulated clock.

const mounted = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  if (data.ended !== undefined) {
    hub.end(data)
    return undefined
  }
  const ask = (draw) => setTriggerValue("behind", draw)
  hub.draw(data, ask)
  const { words } = data
  const [time, state, off] = parentElement.querySelectorAll("p")
  const show = () => {
    const at = hub.simulated()
    const isKnown = at !== null
    time.hidden = state.hidden = !isKnown
    if (isKnown) {
      const clock = hub.clock
      time.textContent = moment(at, words)
      const speed = new Intl.NumberFormat(words.locale, { maximumFractionDigits: 3 })
      const how = clock.is_paused ? words.paused : `${speed.format(clock.speed)} ×`
      state.textContent = fill(words.simulated, { state: how })
    }
    off.hidden = !hub.isOff
    off.textContent = words.off
  }
  mounted.get(parentElement)?.()
  const stop = hub.subscribe(show)
  mounted.set(parentElement, stop)
  return () => {
    stop()
    mounted.delete(parentElement)
    hub.leave(ask)
  }
}
