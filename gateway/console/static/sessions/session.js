// One conversation: what was said in it, its summary, and how to copy or delete it.

import { useChanges } from "/console/operate/dialog.js";
import { Button, PageFrame, Problem, When } from "/console/operate/parts.js";
import { get, post, remove } from "/console/lib/api.js";
import { useData } from "/console/lib/hooks.js";
import { clip, Json, LongText } from "/console/lib/json_view.js";
import { buildAddress, go } from "/console/lib/route.js";
import { h, useEffect, useState } from "/console/vendor/preact.js";

const PAGE = 50;
const EVERY_MS = 5_000;

export function Page({ params: [id], query }) {
  const owner = query.get("owner") ?? "";
  const path = buildAddress(`/sessions/${id}`, { owner, limit: PAGE }).slice(1);
  const read = useData(path, { every: EVERY_MS });
  const [earlier, setEarlier] = useState({ messages: [], isMore: null });
  const [problem, setProblem] = useState(null);
  const [dialog, ask] = useChanges();
  useEffect(() => setEarlier({ messages: [], isMore: null }), [path]);
  const newest = [...(read.data?.messages ?? [])].reverse();
  const known = new Set(newest.map((each) => each.seq));
  const messages = [...earlier.messages.filter((each) => !known.has(each.seq)), ...newest];
  const readEarlier = async () => {
    try {
      const page = await get(`${path}&before=${messages[0].seq}`);
      setEarlier({ messages: [...page.messages.reverse(), ...messages], isMore: page.is_more });
    } catch (error) {
      setProblem(error);
    }
  };
  const fork = (through) => ask({
    title: through ? "Copy up to here" : "Copy the conversation",
    say: () => `A copy with ${through ? "what was said up to this turn" : "all that was said"} is made. What is said later is said in one of them.`,
    confirm: "Copy it",
    hasReason: false,
    run: () => post(`/sessions/${id}/fork`, { ...(through ? { through } : {}), ...(owner ? { owner } : {}) }),
    done: ({ session_id: made }) => (go(buildAddress(`/sessions/${made}`, { owner })), "The copy is shown."),
  });
  const forget = () => ask({
    title: "Delete the conversation",
    say: () => "Its messages and its summary are deleted for good. Its tasks and their answers stay.",
    confirm: "Delete it",
    isGrave: true,
    hasReason: false,
    run: () => remove(buildAddress(`/sessions/${id}`, { owner }).slice(1)),
    done: () => (go("#/sessions"), "The conversation is deleted."),
  });
  const copy = async () => {
    const text = messages.map((each) => `${each.role}: ${each.content}`).join("\n\n");
    try {
      await navigator.clipboard.writeText(text);
      setProblem(null);
    } catch {
      setProblem(new Error("This browser does not copy it."));
    }
  };
  return h(
    PageFrame,
    { title: "Conversation", above: h("a", { class: "up", href: "#/sessions" }, "‹ All conversations") },
    h(Problem, { error: read.error, reload: read.reload }),
    h(Problem, { error: problem }),
    read.isLoading && !read.error && h("p", { class: "note" }, "Loading the conversation."),
    read.data && [
      h("p", { class: "note" }, `Tasks with session_id ${id} go on in it.`),
      h("p", { class: "actions" }, h(Button, { label: "Copy the text", onClick: copy }), h(Button, { label: "Copy the conversation", onClick: () => fork(null) }), h(Button, { label: "Delete", onClick: forget })),
      read.data.summary && h("details", {}, h("summary", {}, "Summary of what was said first"), h(LongText, { text: read.data.summary.content })),
      (earlier.isMore ?? read.data.is_more) && h("p", { class: "actions" }, h("button", { type: "button", class: "quiet", onClick: readEarlier }, "Show earlier messages")),
      !messages.length && h("p", { class: "note" }, "Nothing was said in it yet."),
      h("ol", { class: "said", "aria-label": "Messages" }, messages.map((each) => h(Message, { key: each.seq, each, onFork: () => fork(each.seq) }))),
    ],
    dialog,
  );
}

function Message({ each, onFork }) {
  const isAnswer = each.role === "assistant";
  return h(
    "li",
    { class: isAnswer ? "answered-message" : "" },
    h("p", { class: "asked" }, h("strong", {}, clip(each.role, 40)), h(When, { at: each.created_at }), each.task_id && h("a", { href: `#/tasks/${each.task_id}` }, `task ${each.task_id.slice(0, 8)}`), isAnswer && h("button", { type: "button", class: "quiet more", onClick: onFork }, "Copy up to here")),
    each.exchange && h("details", {}, h("summary", {}, "Calls of tools"), h(Json, { value: each.exchange })),
    h(LongText, { text: each.content }),
  );
}
