// What a page must be, looked at from inside the browser. Each function gives a list of what is wrong, in words.
globalThis.look = (() => {
  const shown = e => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && e.getClientRects().length > 0
  const within = (e, what) => e.closest(what) !== null
  const code = e => e.outerHTML.replace(/\s+/g, " ").slice(0, 140)
  const short = e => (e.textContent || e.name || "").trim().replace(/\s+/g, " ").slice(0, 40)
  const crosses = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4
  const hides = overflow => overflow === "hidden" || overflow === "clip"
  const OWN_SCROLL = ".rrt-wide, .rrt-command, .wide, pre"

  // The parts of a page stand one under the other, and no part, heading or text leaves the window, is cut off or lies over another.
  function layout() {
    const wrong = [], width = document.documentElement.clientWidth
    const say = (what, element) => wrong.push(`${what}: ${code(element)}`)
    const leaves = box => box.left < -1 || box.right > width + 1
    const all = document.documentElement.scrollWidth
    if (all > width) wrong.push(`the page scrolls sideways: ${all} of ${width} pixels`)

    let below = 0
    for (const name of ["header", "nav", "main", "footer"]) {
      const part = document.querySelector(`body > ${name}, body > div > ${name}`)
      if (!part && (name === "main" || name === "header")) wrong.push(`there is no ${name}`)
      if (!part || !shown(part)) continue
      const box = part.getBoundingClientRect()
      if (box.top + scrollY < below - 1) say("lies over what stands before it", part)
      if (leaves(box)) say("is wider than the window", part)
      below = box.bottom + scrollY
    }

    const headings = [...document.querySelectorAll("h1, h2, h3, h4")].filter(shown).map(h => [h, h.getBoundingClientRect()])
    const first = headings.filter(([h]) => h.tagName === "H1").length
    if (first !== 1) wrong.push(`there are ${first} headings of the first kind`)
    for (const [heading, box] of headings) if (leaves(box) && !within(heading, OWN_SCROLL)) say("a heading leaves the window", heading)
    pairs(headings, (a, b) => say("headings lie over each other", a))

    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange(), looked = new Set()
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const around = node.parentElement
      const skipped = "script, style, option, .govuk-visually-hidden, .govuk-skip-link, .skip, svg"
      if (!node.data.trim() || within(around, skipped) || !shown(around)) continue
      range.selectNodeContents(node)
      if (!within(around, OWN_SCROLL) && [...range.getClientRects()].some(box => box.width > 1 && leaves(box)))
        say(`text leaves the window ("${short(node)}")`, around)
      for (let box = around; box && box !== document.body && !looked.has(box); box = box.parentElement) {
        looked.add(box)
        const style = getComputedStyle(box)
        const sideways = hides(style.overflowX) && box.scrollWidth > box.clientWidth + 1
        const down = hides(style.overflowY) && box.scrollHeight > box.clientHeight + 1
        if (box.clientWidth > 1 && (sideways || down)) say("text is cut off by its box", box)
      }
    }

    for (const picture of [...document.querySelectorAll("svg")].filter(shown)) {
      const frame = picture.getBoundingClientRect()
      const labels = [...picture.querySelectorAll("text")].filter(shown).map(t => [t, t.getBoundingClientRect()])
      for (const [text, box] of labels)
        if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2)
          say("words leave the picture", text)
      pairs(labels, (a, b) => say(`words lie over "${short(b)}" in the picture`, a))
    }

    const ids = new Set()
    for (const e of document.querySelectorAll("[id]")) {
      if (ids.has(e.id)) say(`the id ${e.id} is there twice`, e)
      ids.add(e.id)
    }

    const pressed = "a[href], button, input:not([type=hidden]), select, textarea, summary"
    const boxes = [...document.querySelectorAll(pressed)]
      .filter(e => shown(e) && !within(e, ".govuk-skip-link, .skip"))
      .flatMap(e => [...e.getClientRects()].map(box => [e, box]))
    pairs(boxes, (a, b) => say(`lies over "${short(b)}"`, a))
    return [...new Set(wrong)].slice(0, 12)
  }

  function pairs(boxes, found) {
    const sorted = [...boxes].sort((a, b) => a[1].top - b[1].top)
    sorted.forEach(([one, box], i) => {
      for (let j = i + 1; j < sorted.length && sorted[j][1].top < box.bottom - 2; j++) {
        const other = sorted[j][0]
        if (one !== other && !one.contains(other) && !other.contains(one) && crosses(box, sorted[j][1])) found(one, other)
      }
    })
  }

  // On paper there is nothing to press, and everything that opens is open.
  function paper() {
    const wrong = []
    const controls = ["nav[aria-label='Menu']", ".rrt-no-print", "button", ".govuk-button", ".govuk-back-link", "input[type=file]", "input[type=search]"]
    for (const each of controls) {
      const found = [...document.querySelectorAll(each)].find(shown)
      if (found) wrong.push(`is printed: ${code(found)}`)
    }
    const closed = [...document.querySelectorAll("details")].find(e => {
      const inside = e.querySelector(":scope > :not(summary)")
      return inside && e.checkVisibility() && !shown(inside) && !within(inside, ".rrt-no-print")
    })
    if (closed) wrong.push(`is closed on paper: ${code(closed)}`)
    if (!shown(document.querySelector("main"))) wrong.push("nothing is printed")
    return wrong
  }

  // Where the focus is, and how it can be seen: by the outline that stays in forced colours, or by what replaces it.
  function focus() {
    const e = document.activeElement
    if (!e || e === document.body) return null
    const style = getComputedStyle(e), box = e.getBoundingClientRect()
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1
    const marked = outlined && (style.outlineColor !== "rgba(0, 0, 0, 0)" || style.boxShadow !== "none" || style.backgroundColor === "rgb(255, 221, 0)")
    e.dataset.reached = "yes"
    return { name: short(e), code: code(e), seen: marked, forced: outlined, inView: box.bottom > 0 && box.top < innerHeight }
  }

  // What the keyboard should have reached: everything that can be pressed or filled in, one of each group of radios.
  function unreached() {
    const can = "a[href], button:not([disabled]), input:not([type=hidden]):not([disabled]), select, textarea, summary, [tabindex='0']"
    const groups = new Set([...document.querySelectorAll("input[type=radio][data-reached]")].map(e => e.name))
    return [...document.querySelectorAll(can)]
      .filter(e => shown(e) && e.tabIndex >= 0 && !e.dataset.reached && !(e.type === "radio" && groups.has(e.name)))
      .map(code).slice(0, 8)
  }

  // Of the rows of lists and tables that are made alike, leave the first few: axe-core would say the same of the rest, at length.
  const ALIKE = 6
  const made = e => `${e.tagName}.${e.className.baseVal ?? e.className}[${[...e.attributes].map(a => a.name)}](${[...new Set([...e.children].map(made))].sort()})`
  const hidden = []
  function shorten() {
    const met = new Map()
    for (const row of document.querySelectorAll("main tbody > tr, main li, main dl > div, main dd, main dt")) {
      const make = made(row), before = met.get(make) ?? 0
      met.set(make, before + 1)
      if (before >= ALIKE && row.parentElement.children.length > 1 && row !== row.parentElement.firstElementChild) hidden.push(row)
    }
    for (const each of hidden) each.style.setProperty("display", "none", "important")
  }
  const whole = () => hidden.splice(0).forEach(each => each.style.removeProperty("display"))

  async function accessible(only) {
    const found = await axe.run(document, { runOnly: only, resultTypes: ["violations"] })
    const why = node => [...node.any, ...node.all, ...node.none].map(check => check.message).join("; ").slice(0, 200)
    return found.violations.flatMap(v => v.nodes.slice(0, 3).map(node => `${v.id}: ${v.help}: ${node.html.slice(0, 200)} ${why(node)}`))
  }

  return { layout, paper, focus, unreached, shorten, whole, accessible }
})()
