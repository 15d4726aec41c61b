// Compiles the style once; what it writes is committed, so that nobody needs npm to use rrt.
import { readFileSync, writeFileSync } from "node:fs"
import { compile } from "sass"

const target = new URL("../../rrt_engine/web/static/", import.meta.url)
const package_ = new URL("node_modules/govuk-frontend/", import.meta.url)
const { version } = JSON.parse(readFileSync(new URL("package.json", package_), "utf8"))
const notice = `/*! GOV.UK Frontend ${version}, Crown copyright (Government Digital Service), MIT licence: the text is in NOTICE.md */\n`
const { css } = compile(new URL("pages.scss", import.meta.url).pathname, { style: "compressed", quietDeps: true })
for (const unwanted of ["@font-face", "url(", "GDS Transport"]) {
  if (css.includes(unwanted)) throw new Error(`the style holds ${unwanted}`)
}
writeFileSync(new URL("govuk.css", target), notice + css.replace("\uFEFF", "") + "\n")
const script = readFileSync(new URL("dist/govuk/govuk-frontend.min.js", package_), "utf8").replace(/\n?\/\/# sourceMappingURL=.*\n?/, "\n")
writeFileSync(new URL("govuk-frontend.min.js", target), notice + script)
