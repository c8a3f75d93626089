// Tasks beside each other: the same prompt with several models, or runs of a task; and the form that asks.

import { buildComparison, compareFigures, listRelated, MOST, readAnswer, readFigures, readIds } from "/console/compare/figures.js";
import { post } from "/console/lib/api.js";
import { firstLine, isOver, moment } from "/console/lib/format.js";
import { useData, useNow } from "/console/lib/hooks.js";
import { buildAddress, go } from "/console/lib/route.js";
import { Said } from "/console/lib/said.js";
import { setTitle } from "/console/lib/title.js";
import { AnswerText } from "/console/task/answer_text.js";
import { Changes } from "/console/task/compare_texts.js";
import { useEvents, useFeed } from "/console/task/feed.js";
import { LiveAnswer } from "/console/task/live_answer.js";
import { Relative } from "/console/task/relatives.js";
import { h, useEffect, useMemo, useState } from "/console/vendor/preact.js";

/** A browser has six connections for all streams and requests to a gateway: further tasks show their text when it is stored. */
const STREAMED = 2;
const EVERY_MS = 1_000;
const DRAW_MS = 100;
const SEARCHED = 200;
const RELATED_MS = 5_000;

export function Page({ query }) {
  const ids = readIds(query);
  useEffect(() => setTitle("Compare · COGO"), []);
  if (ids.length === 0) return h("p", { class: "note empty" }, "Choose tasks to compare: open one and choose Compare, or ", h("a", { href: "#/ask" }, "ask several models the same"), ".");
  return h("div", { class: "page compare" }, h("h2", {}, "Compare"), h(Comparison, { ids }));
}

function Comparison({ ids }) {
  const [known, setKnown] = useState({});
  const shown = ids.map((id) => known[id]).filter(Boolean);
  const time = useNow(shown.some((each) => !isOver(each.task.status)));
  const remove = (id) => go(buildComparison(ids.filter((each) => each !== id)));
  const learn = (id, details) => setKnown((old) => ({ ...old, [id]: details }));
  const prompts = new Set(shown.map((each) => each.task.prompt));
  return [
    prompts.size === 1 && h("p", { class: "prompt", tabindex: 0, key: "prompt" }, shown[0].task.prompt),
    h("h3", { key: "title", class: "unseen" }, "Answers"),
    h("div", { key: "answers", class: "compare-columns" }, ids.map((id, number) => h(Column, { key: id, id, isStreamed: number < STREAMED, hasPrompt: prompts.size > 1, learn, remove: ids.length > 1 ? remove : null }))),
    shown.length > 1 && shown.length === ids.length && h(Verdict, { key: `verdict ${ids.join(" ")}`, shown }),
    shown.length > 1 && shown.length === ids.length && h(Figures, { key: "figures", shown, time }),
    shown.length > 1 && shown.length === ids.length && h(Differences, { key: "differences", shown }),
    shown.length > 0 && ids.length < MOST && h(Related, { key: "related", details: shown[0], ids }),
  ];
}

function Column({ id, isStreamed, hasPrompt, learn, remove }) {
  const [isEnded, setEnded] = useState(false);
  const { data, error } = useData(`/tasks/${id}`, { every: isEnded ? 0 : EVERY_MS });
  useEffect(() => {
    if (!data) return;
    learn(id, data);
    setEnded(isOver(data.task.status));
  }, [data]);
  if (error && !data) return h("article", { class: "compare-column", "aria-label": "Task" }, h("p", { class: "problem", role: "alert" }, h(Said, { text: error.message })), remove && h(Remove, { remove: () => remove(id) }));
  if (!data) return h("article", { class: "compare-column", "aria-label": "Task" }, h("p", { class: "note" }, "Loading the task."));
  const { task } = data;
  const models = readFigures(data, 0).models;
  const isLive = !isOver(task.status);
  return h(
    "article",
    { class: "compare-column", "aria-label": models.join(", ") || task.type },
    h(
      "div",
      { class: "compare-head" },
      h("h4", {}, h("a", { href: `#/tasks/${id}` }, task.model && task.model !== "auto" ? task.model : models.join(", ") || task.type)),
      h("span", { class: `status ${task.status}` }, task.status),
      remove && h(Remove, { remove: () => remove(id) }),
    ),
    h("p", { class: "note" }, `${task.type} · ${moment(task.created_at)}${task.simulated ? " · simulated" : ""}`),
    hasPrompt && h("p", { class: "prompt", tabindex: 0 }, task.prompt),
    task.error && h("p", { class: "problem" }, h(Said, { text: task.error.message ?? "It failed." })),
    isLive && isStreamed ? h(StreamedAnswer, { id }) : h(StoredAnswer, { text: readAnswer(data), isLive }),
  );
}

const Remove = ({ remove }) => h("button", { type: "button", class: "quiet", "aria-label": "Leave it out", title: "Leave it out", onClick: remove }, "×");

function StreamedAnswer({ id }) {
  const { subscribe } = useFeed(id);
  const answer = useMemo(() => new LiveAnswer(), [id]);
  useEvents(subscribe, (name, data) => answer.apply(name, data), DRAW_MS);
  return h(Answer, { pieces: answer.pieces, isLive: true });
}

function StoredAnswer({ text, isLive }) {
  const pieces = useMemo(() => (text ? [text] : []), [text]);
  return h(Answer, { pieces, isLive });
}

function Answer({ pieces, isLive }) {
  if (!pieces.length) return h("p", { class: "note" }, isLive ? "There is no text yet." : "No text was stored.");
  return h("div", { class: "compare-answer", role: "group", "aria-label": "Answer", tabindex: 0, "aria-busy": String(isLive) }, h(AnswerText, { pieces }));
}

/** Which answer is better: that one is rated as good, and the others stay as they are rated. */
function Verdict({ shown }) {
  const [state, setState] = useState({ better: null, problem: null, isSending: false });
  if (shown.some((each) => each.task.status !== "completed")) return null;
  const choose = async (number) => {
    setState({ ...state, problem: null, isSending: true });
    const others = shown.flatMap((_, other) => (other === number ? [] : [nameColumn(shown, other)]));
    try {
      await post(`/tasks/${shown[number].task.id}/feedback`, { score: 1, comment: `Better than ${others.join(", ")}` });
      if (state.better !== null) await post(`/tasks/${shown[state.better].task.id}/feedback`, { score: 0.5, comment: `Not better than ${nameColumn(shown, number)}` });
      setState({ better: number, problem: null, isSending: false });
    } catch (problem) {
      setState({ ...state, problem, isSending: false });
    }
  };
  return h(
    "section",
    { class: "section", id: "verdict", "aria-label": "Which was better" },
    h("h3", {}, "Which was better?"),
    h("p", { class: "note" }, "It is rated as a good answer, which counts in later choices of models; the others are not rated by it."),
    h("div", { class: "compare-columns" }, shown.map(({ task }, number) => h("button", { key: task.id, type: "button", class: "quiet", "aria-pressed": String(state.better === number), disabled: state.isSending || state.better === number, onClick: () => choose(number) }, `${nameColumn(shown, number)}: This one was better`))),
    h("p", { role: "status" }, state.better === null ? null : `Saved: ${nameColumn(shown, state.better)} was better. You can change it.`),
    state.problem && h("p", { class: "problem", role: "alert" }, h(Said, { text: state.problem.message })),
  );
}

function Figures({ shown, time }) {
  const rows = compareFigures(shown.map((each) => readFigures(each, time)));
  return h(
    "section",
    { class: "section", "aria-label": "Figures" },
    h("h3", {}, "Figures"),
    h(
      "div",
      { class: "wide", tabindex: 0, role: "region", "aria-label": "Table of figures" },
      h(
        "table",
        { class: "compare-figures" },
        h("thead", {}, h("tr", {}, h("td", {}), shown.map(({ task }, number) => h("th", { scope: "col", key: task.id }, nameColumn(shown, number))))),
        h("tbody", {}, rows.map(({ name, values, best }) => h("tr", { key: name }, h("th", { scope: "row" }, name), values.map((value, number) => h("td", { key: number, class: best.includes(number) ? "figure best" : "figure" }, value, best.includes(number) && h("small", {}, "least")))))),
      ),
    ),
  );
}

const nameColumn = (shown, number) => `${String.fromCharCode(65 + number)}: ${shown[number].task.model && shown[number].task.model !== "auto" ? shown[number].task.model : shown[number].task.type}`;

function Differences({ shown }) {
  const [chosen, choose] = useState([0, 1]);
  const [from, to] = chosen;
  const select = (label, side) =>
    h("label", {}, `${label} `, h("select", { value: String(chosen[side]), onChange: ({ target }) => choose(side ? [from, Number(target.value)] : [Number(target.value), to]) }, shown.map(({ task }, number) => h("option", { key: task.id, value: String(number) }, nameColumn(shown, number)))));
  if (shown.some((each) => !isOver(each.task.status))) return null;
  return h(
    "section",
    { class: "section", id: "differences", "aria-label": "What differs in the answers" },
    h("h3", {}, "What differs in the answers"),
    shown.length > 2 && h("div", { class: "fields" }, select("From", 0), select("To", 1)),
    h(Changes, { before: readAnswer(shown[from]), after: readAnswer(shown[to]) }),
  );
}

function Related({ details, ids }) {
  const { data, error } = useData(`/tasks?limit=${SEARCHED}&type=${encodeURIComponent(details.task.type)}`, { every: RELATED_MS });
  const found = listRelated(details, data?.tasks ?? []).filter((each) => !ids.includes(each.id));
  const again = buildAddress("/ask", { from: details.task.id });
  return h(
    "section",
    { class: "section", id: "related-runs", "aria-label": "Other runs" },
    h("h3", {}, "Compare with another run"),
    error && h("p", { class: "problem", role: "alert" }, h(Said, { text: error.message })),
    data && !found.length && h("p", { class: "note" }, `None of the newest ${SEARCHED} tasks of this type asks the same, and it has no other runs.`),
    h(
      "ul",
      { class: "relatives" },
      found.slice(0, 30).map(({ id, how, row }) =>
        h(Relative, { key: id, relation: how, href: buildComparison([...ids, id]), title: row ? `${row.model ?? "auto"} · ${moment(row.created_at)} · ${firstLine(row.prompt, 60)}` : id, task: row }),
      ),
    ),
    h("p", {}, h("a", { href: again }, "Ask the same with other models")),
  );
}
