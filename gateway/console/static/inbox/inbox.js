// The inbox: the open questions of all tasks that the reader may answer, and those that were answered.

import { get, poll } from "/console/lib/api.js";
import { Approvals } from "/console/inbox/approvals.js";
import { Confirmation, EqualQuestions } from "/console/inbox/many.js";
import { describeEnd, describeEndTime, isOpen, isQuestion, nameEnd } from "/console/inbox/words.js";
import { byId, h, show } from "/console/lib/dom.js";
import { clip } from "/console/lib/json_view.js";
import { setOpenCount, setTitle } from "/console/lib/title.js";
import { h as h2, render } from "/console/vendor/preact.js";

const EVERY_MS = 3_000;
const EVERY_HIDDEN_MS = 30_000; // the title of a hidden tab has the number, too
const PAGE = 50;
const MOST_LOOKS = 5;

/** One for the whole session, so that its questions stay in place. */
export class Inbox {
  #pages = 1;
  #known = null;
  #isShown = false;
  #answered = new Answered();
  #approvals = new Approvals({ hasLinks: true, onEnd: () => this.#answered.refresh() });
  #older = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.#showOlder() }, "Show older questions");
  #note = h("p", { class: "note" }, "Loading the questions.");
  #found = [];
  #equal = h("div", {});
  #group = h("input", { type: "checkbox", onchange: () => this.#approvals.group(this.#group.checked) });
  #choices = h("p", { class: "actions", hidden: true }, h("label", { class: "tick" }, this.#group, "Questions of one task together"), h("span", { class: "note keys" }, "Keys: j and k for the next and the previous question, a to approve or answer, r to refuse, o to open its task"));
  #root = h("div", { class: "page inbox" }, h("h2", {}, "Inbox"), this.#note, this.#choices, this.#equal, this.#older, this.#approvals.root, this.#answered.root);

  /** Keep the number of open questions up to date, and the page while it is shown. */
  watch() {
    return poll(EVERY_MS, () => this.#refresh(), EVERY_HIDDEN_MS);
  }

  open(root) {
    this.#isShown = true;
    document.addEventListener("keydown", this.#onKey);
    this.#approvals.prune();
    show(root, this.#root);
    setTitle("Inbox · COGO");
    this.#refresh();
    return this;
  }

  close() {
    this.#isShown = false;
    document.removeEventListener("keydown", this.#onKey);
  }

  /** Move between the questions, and answer the one that has the focus after a confirmation. */
  #onKey = (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, textarea, select, dialog")) return;
    const items = [...this.#approvals.root.children];
    const here = items.findIndex((each) => each.contains(target));
    if (key === "j" || key === "k") {
      const next = items[key === "j" ? here + 1 : here < 0 ? items.length - 1 : here - 1];
      if (!next) return;
      event.preventDefault();
      next.focus();
      next.scrollIntoView({ block: "nearest" });
      return;
    }
    const asked = this.#found.find((each) => each.id === items[here]?.dataset.id);
    if (!asked) return;
    if (key === "o") location.hash = `#/tasks/${asked.task_id}`;
    else if (key === "a" || (key === "r" && !isQuestion(asked))) {
      event.preventDefault();
      if (isQuestion(asked)) items[here].querySelector("textarea")?.focus();
      else this.#confirm(asked, key === "a");
    }
  };

  #confirm(asked, isApproved) {
    render(h2(Confirmation, { key: `${asked.id} ${isApproved}`, asked, isApproved, onAnswer: (comment) => this.#approvals.answer(asked.id, isApproved, comment), onClose: () => render(null, byId("dialogs")) }), byId("dialogs"));
  }

  async #refresh() {
    const pages = this.#isShown ? this.#pages : 1;
    try {
      const { found, next } = await readOpen(pages);
      this.#draw(found, next);
    } catch (error) {
      // Unreachable or unauthorized: the page shows that elsewhere, and this is retried.
      if (error.status === 0 || error.status === 401 || error.status >= 500) return;
      this.#note.hidden = false;
      this.#note.textContent = error.message;
    }
  }

  #draw(found, next) {
    const ids = new Set(found.map((each) => each.id));
    const count = `${found.length}${next === null ? "" : "+"}`;
    if (this.#known && [...ids].some((id) => !this.#known.has(id))) byId("news").textContent = `A question waits for you. ${count} are open.`;
    this.#known = ids;
    setOpenCount(found.length ? count : "");
    byId("inbox-count").hidden = found.length === 0;
    show(byId("inbox-count"), count, h("span", { class: "unseen" }, " open"));
    if (!this.#isShown) return;
    this.#found = found;
    this.#approvals.update(found, next ?? 0);
    this.#choices.hidden = found.length === 0;
    render(h2(EqualQuestions, { approvals: found, onDone: () => this.#refresh() }), this.#equal);
    this.#older.hidden = next === null;
    this.#note.hidden = found.length > 0;
    this.#note.textContent = "Nothing waits for you. A step, a tool or a budget that needs a person's answer appears here.";
  }

  #showOlder() {
    this.#pages += 1;
    this.#refresh();
  }
}

/** Read the newest open questions; `next` is null if these are all. */
async function readOpen(pages) {
  const found = [];
  let next = null;
  for (let page = 0; page < pages; page++) {
    const before = next === null ? "" : `&before=${next}`;
    const answer = await get(`/approvals?answerable=true&limit=${PAGE}${before}`);
    found.push(...answer.approvals);
    next = answer.next;
    if (next === null) break;
  }
  return { found, next };
}

/** Questions that are no longer open, which are read when they are asked for. */
class Answered {
  #list = h("ol", { class: "ended" });
  #note = h("p", { class: "note", role: "status" });
  #more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.#read() }, "Show older answers");
  #next = null;
  root = h("details", { class: "section", ontoggle: () => this.refresh() }, h("summary", {}, "Answered"), this.#note, this.#list, this.#more);

  refresh() {
    if (!this.root.open) return;
    this.#next = null;
    this.#read(true);
  }

  async #read(isNew = false) {
    try {
      const found = [];
      for (let look = 0; look < MOST_LOOKS; look++) {
        const before = this.#next === null ? "" : `&before=${this.#next}`;
        const { approvals, next } = await get(`/approvals?answered=true&limit=${PAGE}${before}`);
        found.push(...approvals.filter((each) => !isOpen(each)));
        this.#next = next;
        if (next === null || found.length > 0) break;
      }
      if (isNew) this.#list.replaceChildren();
      this.#list.append(...found.map(buildEnded));
      this.#more.hidden = this.#next === null;
      this.#note.textContent = this.#list.firstChild ? "" : "Nothing was answered yet.";
    } catch (error) {
      this.#note.textContent = error.message;
    }
  }
}

function buildEnded(approval) {
  const title = clip(approval.question, 300);
  return h(
    "li",
    {},
    h("span", { class: `status ${nameEnd(approval)}` }, nameEnd(approval)),
    h("a", { class: "title", href: `#/tasks/${approval.task_id}`, title }, title),
    h("span", { class: "facts" }, `${describeEnd(approval)} – ${describeEndTime(approval)}`),
  );
}
