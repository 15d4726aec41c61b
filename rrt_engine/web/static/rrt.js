// Small help for those whose browser runs scripts. Every page works without it.
import { initAll } from "./govuk-frontend.min.js"

document.body.classList.add("js-enabled", "govuk-frontend-supported")
initAll()

// Find a fact, or what happened, as somebody types: the list is in the page already. The ranking is that of sources/by_words.py.
const SHOWN = 12, ENDING = /^(.{4,}?)(?:ing|ed|es|s|e)$/
for (const finder of document.querySelectorAll("[data-finder]")) {
  const field = finder.querySelector("input"), found = finder.querySelector(".rrt-found"), count = finder.querySelector(".rrt-found-count")
  const rows = [...finder.querySelectorAll(".rrt-all li")]
  const little = finder.dataset.finder.split(" ")
  const score = (row, wanted) => {
    const { label, rest } = row.dataset, words = label.split(/\W+/)
    const points = wanted.reduce((sum, w) => sum + (words.includes(w.whole) ? 3 : label.includes(w.stem) ? 2 : rest.includes(w.stem) ? 1 : 0), 0)
    const all = wanted.every(({ stem }) => label.includes(stem) || rest.includes(stem))
    return all || (wanted.length > 2 && points >= 2 * wanted.length - 2) ? points : 0
  }
  field.addEventListener("input", () => {
    const written = field.value.toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean)
    const told = written.filter((w) => !little.includes(w))
    const wanted = (told.length ? told : written).map((whole) => ({ whole, stem: whole.replace(ENDING, "$1") }))
    const ranked = rows.map((row, i) => [wanted.length ? score(row, wanted) : 0, i, row]).filter(([points]) => points)
    ranked.sort((a, b) => b[0] - a[0] || a[1] - b[1])
    found.replaceChildren(...ranked.slice(0, SHOWN).map(([, , row]) => row.cloneNode(true)))
    count.textContent = wanted.length ? `${ranked.length} found${ranked.length ? "" : ". Try another word, or look through them all"}` : ""
  })
}
