// A text while it grows: as it is, and an answer as Markdown, too (see task.css).

import { Markdown } from "/console/lib/markdown.js";
import { formatSaid } from "/console/task/said.js";
import { h, useEffect, useLayoutEffect, useRef, useState } from "/console/vendor/preact.js";

const PLAIN = "plain-answers";
const EVERY_MS = 100;
/** Drawing takes at most one part in so many of the time. */
const PAUSE = 8;
const MOST_SAID = 20_000; // characters of data that are shown as lines
const NEAR_END = 8; // pixels
const LONG_BLOCK = 2_000;

export const showsPlainText = () => document.body.classList.contains(PLAIN);

/** Show all answers as plain text, or as Markdown. */
export const showPlainText = (isPlain) => document.body.classList.toggle(PLAIN, isPlain);

/** An answer, of its pieces so far. Narration between calls of tools is no answer, and stays as it is. */
export function AnswerText({ pieces, isNarration = false }) {
  const text = useNowAndThen(pieces, isNarration);
  return h(
    "div",
    { class: isNarration ? "answer-text narrated" : "answer-text" },
    h(GrowingText, { class: isNarration ? "narration" : "text", pieces }),
    h(Markdown, { text }),
  );
}

/** Return the text of pieces, at most as often as it can be drawn; the one before while `isPaused`. */
function useNowAndThen(pieces, isPaused) {
  const [text, setText] = useState(() => (isPaused ? "" : pieces.join("")));
  const timer = useRef(null);
  const begun = useRef(performance.now());
  const next = useRef(0);
  const latest = useRef(null);
  latest.current = pieces;
  useLayoutEffect(() => {
    const now = performance.now();
    next.current = now + Math.max(EVERY_MS, PAUSE * (now - begun.current)); // after what Markdown took
  }, [text]);
  useEffect(() => {
    if (isPaused) return;
    timer.current ??= setTimeout(() => {
      timer.current = null;
      begun.current = performance.now();
      setText(latest.current.join(""));
    }, Math.max(0, next.current - performance.now()));
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  return text;
}

/**
 * Text to which more is appended, which Preact does not compare: the browser neither lays out again what is there nor
 * loses what is selected in it. With `isReadable`, data is shown as lines.
 */
export function GrowingText({ class: name, pieces, isReadable = false }) {
  const place = useRef(null);
  const shown = useRef({ pieces: [], count: 0 });
  useLayoutEffect(() => {
    const element = place.current;
    const isData = isReadable && /^\s*({|```json)/.test(pieces[0] ?? "");
    const said = isData ? formatSaid(pieces.join("").slice(0, MOST_SAID)) : null;
    const from = shown.current.pieces === pieces ? shown.current.count : 0;
    if (isData ? element.textContent === said : from === pieces.length && shown.current.pieces === pieces) return;
    shown.current = { pieces, count: pieces.length };
    const follows = element.scrollTop + element.clientHeight >= element.scrollHeight - NEAR_END;
    if (isData || from === 0) element.replaceChildren();
    appendLines(element, said ?? pieces.slice(from).join(""));
    if (follows) element.scrollTop = element.scrollHeight;
  });
  return h("pre", { ref: place, class: name, tabindex: 0, hidden: pieces.length === 0 });
}

/** Append text in blocks of whole lines: of a long text the browser lays out the last block again. */
function appendLines(element, text) {
  let block = element.lastElementChild;
  const end = block?.textContent.length > LONG_BLOCK ? text.indexOf("\n") + 1 : 0;
  if (end) {
    block.append(text.slice(0, end));
    block = null;
  }
  if (end === text.length) return;
  block ??= element.appendChild(document.createElement("div"));
  block.append(text.slice(end));
}
