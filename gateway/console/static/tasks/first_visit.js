// What stands in place of the table while there are no tasks.

import { h } from "/console/vendor/preact.js";

const SQL = `insert into cogo_tasks (prompt)
values ('Write a Python function is_palindrome(text)');`;
const SHELL = `cogo submit "Write a Python function is_palindrome(text)"`;

export function FirstVisit() {
  return h(
    "div",
    { class: "first-visit section" },
    h("h3", {}, "There are no tasks yet"),
    h("p", {}, "A task is a row of ", h("code", {}, "cogo_tasks"), ": something that models should do. It can be made here, in SQL, or in a shell; its plan, text and cost are shown here either way."),
    h("p", {}, h("a", { class: "ask-link", href: "#/ask" }, "Ask"), " or press ", h("kbd", {}, "n"), ", and type what should be done."),
    h("p", { class: "note" }, "In SQL, with any client of the database:"),
    h("pre", { class: "text", tabindex: 0 }, SQL),
    h("p", { class: "note" }, "In a shell:"),
    h("pre", { class: "text", tabindex: 0 }, SHELL),
    h("p", { class: "note" }, "The gateway takes tasks over HTTP, too, also as OpenAI does: ", h("a", { href: "/openapi.json" }, "its endpoints"), ". In a shell, ", h("code", {}, "cogo --help"), " lists what else there is."),
  );
}
