// A button that puts a text or the page's address into the clipboard, and says so for a moment.

const timers = new WeakMap()

// Browsers give the clipboard to pages of https and of this machine alone; this works elsewhere.
const copyBySelection = (text) => {
  const box = document.createElement("textarea")
  box.value = text
  box.style.position = "fixed"
  box.style.opacity = "0"
  document.body.append(box)
  box.select()
  const isDone = document.execCommand("copy")
  box.remove()
  if (!isDone) throw new Error("the browser did not copy")
}

// The address that the browser shows, without one of its parameters, to the letter otherwise.
const addressWithout = (name) => {
  const here = new URL(window.location.href)
  const pairs = here.search.slice(1).split("&").filter((pair) => pair.split("=")[0] !== name)
  here.search = pairs.join("&")
  return here.href
}

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button")
  const status = parentElement.querySelector("[role=status]")
  // What it said a moment ago was about another text.
  clearTimeout(timers.get(parentElement))
  status.textContent = ""
  button.textContent = data.label
  button.title = data.help
  button.hidden = false
  button.onclick = async () => {
    // As the browser has it, behind a proxy too.
    const text = data.text ?? addressWithout(data.left_out)
    let said = data.done
    try {
      if (navigator.clipboard) await navigator.clipboard.writeText(text)
      else copyBySelection(text)
    } catch {
      said = data.failed
    }
    button.textContent = said
    status.textContent = said
    clearTimeout(timers.get(parentElement))
    timers.set(parentElement, setTimeout(() => {
      button.textContent = data.label
      status.textContent = ""
    }, 2000))
  }
  return () => clearTimeout(timers.get(parentElement))
}
