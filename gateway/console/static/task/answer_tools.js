// What can be done with an answer: read it as plain text, copy it, save it; and the code of a task as files.

import { CopyButton, downloadText } from "/console/lib/copy.js";
import { Json, writeJson } from "/console/lib/json_view.js";
import { Code } from "/console/lib/markdown.js";
import { showPlainText, showsPlainText } from "/console/task/answer_text.js";
import { h, useState } from "/console/vendor/preact.js";

const MOST_FILES = 50;

/** `getText()` returns the answer as it is now. */
export function AnswerTools({ task, getText }) {
  const [isPlain, setPlain] = useState(showsPlainText());
  const toggle = () => {
    showPlainText(!isPlain);
    setPlain(!isPlain);
  };
  const name = `cogo-${task.id.slice(0, 8)}`;
  const save = (ending, type, text) => h("button", { key: ending, type: "button", class: "quiet", title: `Download ${name}.${ending}`, onClick: () => downloadText(`${name}.${ending}`, text(), type) }, `.${ending}`);
  return h(
    "p",
    { class: "actions answer-tools" },
    h("button", { type: "button", class: "quiet", "aria-pressed": String(isPlain), onClick: toggle }, "Plain text"),
    h(CopyButton, { label: "Copy answer", what: "the answer", getText, title: "Copy the answer (c)" }),
    h("span", { class: "note" }, "Download"),
    save("md", "text/markdown", getText),
    save("txt", "text/plain", getText),
    save("json", "application/json", () => writeJson(task.result ?? { text: getText() })),
  );
}

/** The files of a result of code: its own files, or the code that it has. */
function listFiles(result) {
  if (!result) return [];
  const { files, generated_code: code, file_path: path, language } = result;
  const named = typeof files === "object" && files !== null && !Array.isArray(files) ? Object.entries(files).filter(([, text]) => typeof text === "string") : [];
  if (named.length) return named.slice(0, MOST_FILES).map(([name, text]) => ({ name, text, language: name.includes(".") ? name.split(".").at(-1) : language }));
  return typeof code === "string" && code ? [{ name: typeof path === "string" ? path : "", text: code, language: typeof language === "string" ? language : "" }] : [];
}

/** Code that stands in the answer, too, is folded. */
export function CodeFiles({ result, answer }) {
  const files = listFiles(result);
  const shown = files.map((each) => h(Code, { key: each.name, ...each }));
  if (!shown.length || !files.every(({ text }) => answer.includes(text.trim()))) return shown;
  return h("details", {}, h("summary", {}, files.length === 1 ? "As a file" : `As ${files.length} files`), shown);
}

/** The rows of a task as JSON, drawn when it is opened. */
export function WholeTask({ details }) {
  const [isOpen, setOpen] = useState(false);
  const name = `cogo-${details.task.id.slice(0, 8)}-all.json`;
  return h(
    "details",
    { class: "section", onToggle: (event) => setOpen(event.currentTarget.open) },
    h("summary", {}, "JSON"),
    isOpen &&
      h(
        "div",
        { class: "data", id: "whole-task" },
        h(
          "p",
          { class: "actions" },
          h(CopyButton, { label: "Copy JSON", what: "the task as JSON", getText: () => writeJson(details) }),
          h("button", { type: "button", class: "quiet", onClick: () => downloadText(name, writeJson(details), "application/json") }, "Download JSON"),
        ),
        h(Json, { value: details }),
      ),
  );
}
