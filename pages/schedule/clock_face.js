// The face of the simulated clock, large. The scheduler's clock jumps once a second; the face
// moves from what it shows to where the clock is, within that second, and never beyond.

const faces = new WeakMap()

export default function ({ data, parentElement }) {
  const face = faces.get(parentElement) ?? { shown: null, to: null }
  faces.set(parentElement, face)
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches
  const [date, time] = parentElement.querySelectorAll("p")
  const day = { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }
  const days = new Intl.DateTimeFormat(data.locale, day)

  const aim = () => {
    const at = hub.simulated() ?? data.at_ms
    const isMoving = hub.clock === null ? !data.standing : hub.clock.is_moving
    const step = (hub.clock?.speed ?? 0) * 1000 || data.step_ms
    const still = !isMoving || calm
    if (face.shown === null || still || Math.abs(at - face.shown) > 4 * step) face.shown = at
    // A reading that lags behind what was shown: wait for it, a clock does not go back.
    const to = Math.max(at, face.shown)
    if (to === face.to && face.from !== undefined && !still) return
    face.from = face.shown
    face.to = to
    face.began = performance.now()
  }
  const draw = () => {
    aim()
    const part = Math.min(1, (performance.now() - face.began) / 1000)
    face.shown = face.from + (face.to - face.from) * part
    const at = new Date(Math.floor(face.shown / 1000) * 1000)
    if (Number.isNaN(at.getTime())) return
    date.textContent = days.format(at)
    time.textContent = at.toISOString().slice(-13, -5)
  }
  clearInterval(face.timer)
  face.timer = setInterval(draw, 100)
  draw()
  return () => clearInterval(face.timer)
}
