// Keys of the open row, wherever the focus is: Escape closes it, arrows open its neighbours.
// Never while somebody types or a menu or dialog is open. The table has these keys for itself.

const mounted = new WeakMap()

const ACTIONS = { Escape: "close", ArrowUp: "previous", ArrowDown: "next" }
const OTHERS = [
  'input, textarea, select, [contenteditable="true"], canvas, table',
  ...["dialog", "menu", "listbox", "radiogroup", "tablist", "slider"].map((r) => `[role="${r}"]`),
].join(", ")
const OPEN = '[role="dialog"], [role="menu"], [role="listbox"], [data-testid="stPopoverBody"]'

export default function ({ data, parentElement }) {
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    const action = ACTIONS[event.key]
    if (action === undefined || event.defaultPrevented) return
    if (event.target.closest?.(OTHERS) != null || document.querySelector(OPEN) !== null) return
    event.preventDefault()
    document.querySelector(`.st-key-${action}_row_${data.name} button:not(:disabled)`)?.click()
  }
  mounted.get(parentElement)?.()
  // Before a menu hears it: one that the same key closes is still open here.
  document.addEventListener("keydown", press, true)
  const stop = () => document.removeEventListener("keydown", press, true)
  mounted.set(parentElement, stop)
  return () => {
    stop()
    mounted.delete(parentElement)
  }
}
