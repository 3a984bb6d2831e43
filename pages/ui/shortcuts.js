// Keys that work on every page: "/" goes to the search, "?" to the help. Never while somebody types.

const mounted = new WeakMap()

const isTyping = (target) =>
  target.closest?.('input, textarea, select, [contenteditable="true"], [role="dialog"]') != null

export default function ({ parentElement, setTriggerValue }) {
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
    if (isTyping(event.target)) return
    if (event.key === "/") {
      const boxes = [...document.querySelectorAll('[class*="st-key-search_"] input')]
      const box = boxes.find((one) => one.offsetParent !== null)
      if (box === undefined) return
      event.preventDefault()
      box.focus()
      box.select()
    } else if (event.key === "?") {
      event.preventDefault()
      setTriggerValue("help", Date.now())
    }
  }
  mounted.get(parentElement)?.()
  document.addEventListener("keydown", press)
  const stop = () => document.removeEventListener("keydown", press)
  mounted.set(parentElement, stop)
  return () => {
    stop()
    mounted.delete(parentElement)
  }
}
