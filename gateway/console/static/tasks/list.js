// The list of tasks, from the stream of /events.

import { clock, cost, firstLine, isOver } from "/console/lib/format.js";
import { byId, h, show } from "/console/lib/dom.js";
import { setTitle } from "/console/lib/title.js";

const MOST = 200;

export class TaskList {
  #lines = new Map();
  #items = new Map();
  #list = h("ol", { id: "tasks", class: "tasks" });
  #note = h("p", { class: "note" }, "Loading the tasks.");
  #root = h("div", { class: "page" }, h("h2", {}, "Tasks"), this.#note, this.#list);

  open(root) {
    show(root, this.#root);
    setTitle("COGO console");
    return this;
  }

  close() {}

  /** Show the whole list, or new and changed lines. */
  update(lines, isWhole) {
    if (isWhole) this.#lines.clear();
    for (const line of lines) this.#lines.set(line.id, line);
    const ended = isWhole ? [] : lines.filter((line) => isOver(line.status));
    for (const line of ended) {
      byId("news").textContent = `Task ${firstLine(line.prompt, 60)}: ${line.status}`;
    }
    this.#draw();
  }

  #draw() {
    const lines = [...this.#lines.values()].sort((a, b) => b.seq - a.seq).slice(0, MOST);
    const list = this.#list;
    const ids = new Set(lines.map((line) => line.id));
    for (const [id, item] of this.#items) {
      if (!ids.has(id)) item.root.remove(), this.#items.delete(id);
    }
    let before = null;
    for (const line of lines.reverse()) {
      // Items stay in place, so that the focused one keeps the focus.
      const item = this.#items.get(line.id) ?? buildItem(line.id);
      this.#items.set(line.id, item);
      item.show(line);
      if (item.root.parentNode !== list || item.root.nextSibling !== before) {
        list.insertBefore(item.root, before);
      }
      before = item.root;
    }
    this.#note.hidden = lines.length > 0;
    this.#note.textContent = "There are no tasks yet. Press Ask to submit one.";
  }
}

function buildItem(id) {
  const status = h("span", {});
  const title = h("span", { class: "title" });
  const facts = h("span", { class: "facts" });
  const link = h("a", { href: `#/tasks/${id}` }, status, title, facts);
  const root = h("li", {}, link);
  return {
    root,
    show(line) {
      status.className = `status ${line.status}`;
      status.textContent = line.status;
      title.textContent = firstLine(line.prompt) || "(an empty prompt)";
      link.title = `${firstLine(line.prompt, 300)}\n${line.id}`;
      facts.textContent = `${cost(line)} · ${clock(line.created_at)} · ${line.type}`;
    },
  };
}
