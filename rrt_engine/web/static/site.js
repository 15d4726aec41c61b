// Shows only the rules or facts that hold every word typed. The list is whole without it.
"use strict"

const box = document.getElementById("filter")
const typed = document.getElementById("q")
const left = document.getElementById("left")
const parts = [...document.querySelectorAll(".rrt-book-part")].map((part) => ({
  part,
  lines: [...part.querySelectorAll("tbody tr, li")].map((line) => ({ line, words: line.textContent.toLowerCase().replaceAll("_", " ") })),
}))

function choose() {
  const wanted = typed.value.toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean)
  let shown = 0
  for (const { part, lines } of parts) {
    let any = false
    for (const { line, words } of lines) {
      line.hidden = !wanted.every((word) => words.includes(word))
      if (!line.hidden) {
        any = true
        shown += 1
      }
    }
    part.hidden = !any
  }
  left.textContent = wanted.length ? `${shown} left` : ""
}

if (box && typed && left) {
  box.hidden = false
  typed.addEventListener("input", choose)
  choose()
}
