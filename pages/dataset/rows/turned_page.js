// Scroll back to the top of a table when another page of it is shown.

const shown = new WeakMap()

export default function ({ data, parentElement }) {
  const before = shown.get(parentElement)
  shown.set(parentElement, data.page)
  if (before === undefined || before === data.page) return
  const table = document.querySelector(`.st-key-${data.target}`)
  if (!table) return
  // Below the bar at the top of the page.
  table.style.scrollMarginTop = "4.5rem"
  if (table.getBoundingClientRect().top < 0) table.scrollIntoView({ block: "start" })
}
