// Small help for those whose browser runs scripts. Every page works without it.
import { initAll } from "./govuk-frontend.min.js"

document.body.classList.add("js-enabled", "govuk-frontend-supported")
initAll()
