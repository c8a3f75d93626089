// Conversations that tasks share.

import { Remembered } from "/console/memory/parts.js";
import { More, nameOwner, Problem, Table, When } from "/console/operate/parts.js";
import { count } from "/console/lib/format.js";
import { clip } from "/console/lib/json_view.js";
import { usePages } from "/console/lib/pages.js";
import { getReader } from "/console/lib/reader.js";
import { buildAddress } from "/console/lib/route.js";
import { h } from "/console/vendor/preact.js";

const EVERY_MS = 5_000;

export function Page() {
  const isOperator = getReader()?.is_operator ?? false;
  const read = usePages("/sessions?limit=100", "sessions", { every: EVERY_MS });
  return h(
    Remembered,
    { path: "/sessions", title: "Conversations" },
    h(Problem, { error: read.error, reload: read.reload }),
    read.isLoading && !read.error && h("p", { class: "note" }, "Loading the conversations."),
    !read.isLoading && !read.error && !read.rows.length && h("p", { class: "note" }, "There are none. Tasks of one session_id are a conversation."),
    read.rows.length > 0 && h(Table, { caption: "List of conversations", columns: ["Conversation", "Messages", "Last one", "Begun", ...(isOperator ? ["Owner"] : [])] }, read.rows.map((each) => h(
      "tr",
      { key: each.id },
      h("th", { scope: "row" }, h("a", { href: buildAddress(`/sessions/${each.id}`, { owner: each.owner }) }, clip(each.title || `session ${each.id.slice(0, 8)}`, 160)), each.forked_from && h("small", {}, "a copy")),
      h("td", { class: "figure" }, count(each.messages)),
      h("td", {}, h(When, { at: each.last_message_at })),
      h("td", {}, h(When, { at: each.created_at })),
      isOperator && h("td", {}, nameOwner(each.owner)),
    ))),
    h(More, { of: read }),
  );
}
