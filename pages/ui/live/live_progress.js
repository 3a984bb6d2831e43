// How the runs of some datasets get on: a bar and a line for each that is under way.

const stops = new WeakMap()

export default function ({ data, parentElement }) {
  const { words } = data
  const root = parentElement.querySelector(".runs")
  const show = () => {
    const under = new Map(hub.progress.map((run) => [run.dataset, run]))
    const shown = data.names.filter((name) => under.has(name) || data.waiting.includes(name))
    root.hidden = shown.length === 0
    while (root.children.length > shown.length) root.lastChild.remove()
    shown.forEach((name, index) => {
      const row = root.children[index] ?? root.appendChild(newRow())
      const [text, bar] = row.children
      const said = under.has(name) ? describe(under.get(name)) : data.begins[name]
      if (text.textContent !== said) text.textContent = said
      bar.setAttribute("aria-label", said)
      const done = share(under.get(name))
      if (done === null) bar.removeAttribute("value")
      else bar.value = done
    })
  }

  const newRow = () => {
    const row = document.createElement("div")
    row.append(document.createElement("p"), document.createElement("progress"))
    return row
  }

  const describe = (run) => {
    const parts = [`${data.labels[run.dataset]}: ${words.stages[run.stage] ?? run.stage}`]
    if (run.bytes_total) {
      const sizes = { done: sizeOf(run.bytes_done, words), total: sizeOf(run.bytes_total, words) }
      parts.push(fill(words.of, sizes))
    } else if (run.bytes_done) parts.push(sizeOf(run.bytes_done, words))
    const records = new Intl.NumberFormat(words.locale).format(run.records)
    if (run.records) parts.push(fill(words.records, { n: records }))
    parts.push(duration((hub.now() - run.since_ms) / 1000, words))
    return parts.join(" · ")
  }

  // Of one; null while nobody can say.
  const share = (run) => {
    if (!run || !run.bytes_total) return null
    return Math.min(1, run.bytes_done / run.bytes_total)
  }

  stops.get(parentElement)?.()
  const stop = hub.subscribe(show)
  stops.set(parentElement, stop)
  return stop
}
