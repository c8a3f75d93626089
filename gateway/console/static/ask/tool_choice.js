// The tools that a new task may use: those that executors offer now.

import { get, poll } from "/console/lib/api.js";
import { h, show } from "/console/lib/dom.js";
import { clip } from "/console/lib/json_view.js";

const EVERY_MS = 15_000;
const SOURCES = { function: "Functions", mcp: "MCP servers", cogo: "COGO", vendor: "Vendors of models", none: "Not offered now" };

export class ToolChoice {
  #chosen = new Set();
  #drawn = null;
  #count = h("span", { class: "count" });
  #list = h("div", { class: "tools" }, h("p", { class: "note" }, "Loading the tools."));
  root = h("details", { id: "tools" }, h("summary", {}, "Tools ", this.#count), this.#list);

  /** The names for `params.tools`. */
  get value() {
    return [...this.#chosen];
  }

  /** Offer what there is, and keep what is chosen. */
  watch() {
    return poll(EVERY_MS, async () => {
      try {
        const { tools } = await get("/tools");
        const key = JSON.stringify(tools);
        if (key !== this.#drawn) this.#draw(tools);
        this.#drawn = key;
      } catch {
        // Unreachable or unauthorized: the page shows that elsewhere, and this is retried.
      }
    });
  }

  #draw(tools) {
    const names = new Set(tools.map((each) => each.name));
    const gone = [...this.#chosen].filter((name) => !names.has(name)).map((name) => ({ name, source: "none", granted: true }));
    const groups = Object.entries(SOURCES).map(([source, title]) => [title, [...tools, ...gone].filter((each) => each.source === source)]);
    show(
      this.#list,
      groups.filter(([, group]) => group.length).map(([title, group]) => h("fieldset", {}, h("legend", {}, title), group.map((each) => this.#buildTool(each)))),
    );
    this.#showCount();
  }

  #buildTool({ name, granted }) {
    const box = h("input", { type: "checkbox", value: name, disabled: !granted && !this.#chosen.has(name) });
    box.checked = this.#chosen.has(name);
    box.addEventListener("change", () => {
      if (box.checked) this.#chosen.add(name);
      else this.#chosen.delete(name);
      this.#showCount();
    });
    return h("label", { class: "tick", title: granted ? name : "It is not granted to you." }, box, h("span", { class: "tool" }, clip(name, 200)), granted ? null : h("span", { class: "note" }, "not granted"));
  }

  #showCount() {
    this.#count.textContent = this.#chosen.size ? String(this.#chosen.size) : "";
  }
}
