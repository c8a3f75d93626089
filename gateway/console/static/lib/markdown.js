// Markdown as elements that can do nothing. marked makes markup of it, DOMPurify makes elements of that,
// and nothing else may (see the page's policy). HTML in it is text.
//
// It is drawn block by block: blocks that did not change stay, so that a growing text neither flickers nor
// loses what is selected. Preact keeps off what DOMPurify made (`Made`). Hostile texts take time that grows with their square, so a block has a limit, and
// all of them together have one of time; what exceeds them is plain text.

import { CopyButton, downloadText } from "/console/lib/copy.js";
import { LongText, showControls } from "/console/lib/json_view.js";
import { DOMPurify, highlight, Marked } from "/console/vendor/markdown.js";
import { Component, h, render, useLayoutEffect, useMemo, useRef } from "/console/vendor/preact.js";

const MOST = 100_000;
const MOST_IN_BLOCK = 10_000;
const MOST_CODE = 50_000;
const BUDGET_MS = 500;
/** The level of the page's headings, below which those of a text are. */
const PAGE_LEVEL = 3;
const NESTED = /^(?:[ \t]*>){40}/m;
const ENDINGS = {
  python: "py", javascript: "js", typescript: "ts", bash: "sh", shell: "sh", rust: "rs", ruby: "rb", markdown: "md", csharp: "cs", kotlin: "kt", perl: "pl",
  plaintext: "txt", text: "txt", yaml: "yaml", json: "json", html: "html", css: "css", sql: "sql", go: "go", java: "java", c: "c", cpp: "cpp", php: "php",
};
const CLEAN = {
  ALLOWED_TAGS: ["h4", "h5", "h6", "p", "br", "hr", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a", "table", "thead", "tbody", "tr", "th", "td", "span"],
  ALLOWED_ATTR: ["href", "class", "start", "align"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const escape = (text) => text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);
const marked = new Marked({
  gfm: true,
  renderer: {
    html: ({ text }) => escape(text),
    heading({ tokens, depth }) {
      const level = Math.min(6, depth + PAGE_LEVEL);
      const text = this.parser.parseInline(tokens);
      return text.trim() ? `<h${level}>${text}</h${level}>` : "";
    },
    code: ({ text, lang }) => `<pre><code class="hljs-language-${escape(readLanguage(lang))}">${escape(text)}</code></pre>`,
    // No image of another host is loaded, since that would learn who reads.
    image: ({ href, text }) => `<a href="${escape(href)}">${escape(text || href)}</a>`,
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

/** Return elements of markup that can do nothing; where the browser lacks what that takes, text. */
function sanitize(markup) {
  if (!DOMPurify.isSupported) return markup;
  if (!isHooked) DOMPurify.addHook("afterSanitizeAttributes", narrow);
  isHooked = true;
  return DOMPurify.sanitize(markup, CLEAN);
}

let isHooked = false;

/** Return the nodes of what DOMPurify made. Each of its fragments would keep a document of its own. */
const listNodes = (made) => (typeof made === "string" ? [made] : [...made.childNodes]);

function narrow(element) {
  const classes = [...element.classList].filter((each) => /^hljs-[\w-]+$/.test(each));
  if (classes.length) element.className = classes.join(" ");
  else element.removeAttribute("class");
  if (element.tagName !== "A" || !element.hasAttribute("href")) return;
  element.setAttribute("target", "_blank");
  element.setAttribute("rel", "noopener noreferrer nofollow");
}

/** A Markdown text, which may grow. A memorized vnode, here or of a block, would keep all trees in which it was drawn. */
export class Markdown extends Component {
  #blocks = [];

  shouldComponentUpdate({ text }) {
    return text !== this.props.text;
  }

  render({ text }) {
    const end = findEnd(text);
    this.#blocks = buildBlocks(text.slice(0, end), this.#blocks);
    const note = `Shown as Markdown up to here: the answer has ${text.length.toLocaleString("en")} characters. The rest is plain text.`;
    const rest = end < text.length && h("div", {}, h("p", { class: "note" }, note), h(LongText, { text: text.slice(end) }));
    return h("div", { class: "markdown" }, this.#blocks.map((block, key) => h(Block, { key, block })), rest);
  }
}

/** Is drawn again when it is given another block. */
class Block extends Component {
  shouldComponentUpdate({ block }) {
    return block !== this.props.block;
  }

  render({ block: { type, properties } }) {
    return h(type, properties);
  }
}

/** Return the blocks of a text, each as `{ raw, level, type, properties }`; those that did not change are taken from `before`. */
function buildBlocks(text, before) {
  const begin = performance.now();
  const { blocks, definitions } = splitBlocks(showControls(text));
  const levels = findLevels(blocks);
  return blocks.map((token, place) => {
    const [old, level] = [before[place], levels[place]];
    if (old && old.raw === token.raw && old.level === level) return old;
    const isLate = performance.now() - begin > BUDGET_MS;
    const [type, properties] = isLate ? [LongText, { text: token.raw }] : buildBlock(token, definitions, level);
    return { raw: token.raw, level, type, properties };
  });
}

/** A block of code with its name, and buttons that copy and save it. */
export function Code({ text, language = "", name = "" }) {
  const known = readLanguage(language);
  const content = useMemo(() => highlightCode(text, known), [text, known]);
  return h(CodeFigure, { text, known, name, content });
}

function CodeFigure({ text, known, name = "", content }) {
  const file = name || `code.${ENDINGS[known] ?? (/^\w{1,8}$/.test(known) ? known : "txt")}`;
  return h(
    "figure",
    { class: "code" },
    h(
      "figcaption",
      {},
      h("span", { class: "note" }, showControls(name || known || "code")),
      h(CopyButton, { label: "Copy", what: file, getText: () => text }),
      h("button", { type: "button", class: "quiet", onClick: () => downloadText(file, text) }, "Download"),
    ),
    h("pre", { tabindex: 0, "aria-label": `Code ${showControls(name || known)}`.trim(), role: "region" }, h(Made, { tag: "code", content })),
  );
}

/** An element with nodes that DOMPurify made, or with plain text. */
function Made({ tag, content, ...properties }) {
  const place = useRef(null);
  useLayoutEffect(() => {
    place.current.replaceChildren(...content);
    const nested = [...place.current.querySelectorAll("pre > code")].map(drawNestedCode);
    return () => nested.forEach((each) => render(null, each));
  }, [content]);
  return h(tag, { ...properties, ref: place });
}

/** Draw a block of code that stands in a list or a quotation; return its place. */
function drawNestedCode(code) {
  const place = document.createElement("div");
  const language = /^hljs-language-(.+)$/.exec(code.className)?.[1] ?? "";
  code.parentElement.replaceWith(place);
  render(h(Code, { text: code.textContent.replace(/\n$/, ""), language }), place);
  return place;
}

/** Return a text with colours as nodes; without, if its language is not known or it is too long. */
function highlightCode(text, language) {
  const shown = showControls(text);
  if (!highlight.getLanguage(language) || text.length > MOST_CODE) return [shown];
  return listNodes(sanitize(highlight.highlight(shown, { language, ignoreIllegals: true }).value));
}

/** Return where a text ends that is drawn as Markdown: whole, or after a line. */
function findEnd(text) {
  if (text.length <= MOST) return text.length;
  const line = text.lastIndexOf("\n", MOST);
  return line > MOST / 2 ? line + 1 : MOST;
}

/** Split a text into its blocks, without what is inside of them, and the targets of links that they share. */
function splitBlocks(text) {
  if (NESTED.test(text)) return { blocks: [{ type: "text", raw: text }], definitions: "" };
  try {
    const tokens = new marked.Lexer({ ...marked.defaults }).blockTokens(text, []);
    const definitions = tokens.filter((each) => each.type === "def").map((each) => each.raw).join("").slice(0, MOST_IN_BLOCK);
    return { blocks: tokens.filter((each) => each.type !== "def" && each.type !== "space"), definitions };
  } catch {
    return { blocks: [{ type: "text", raw: text }], definitions: "" };
  }
}

/** Return the level of each heading: below the page's, and never more than one below the heading before. */
function findLevels(blocks) {
  let last = PAGE_LEVEL;
  return blocks.map(({ type, depth }) => (type === "heading" ? (last = Math.min(6, depth + PAGE_LEVEL, last + 1)) : null));
}

function buildBlock({ type, raw, text, lang }, definitions, level) {
  if (raw.length > MOST_IN_BLOCK && type !== "table" && type !== "code") return [LongText, { text: raw }];
  try {
    if (type === "code") {
      const known = readLanguage(lang);
      return [CodeFigure, { text, known, content: highlightCode(text, known) }];
    }
    const made = sanitize(marked.parse(definitions && raw.includes("]") ? `${definitions}\n\n${raw}` : raw));
    if (level) setLevel(made, level);
    return [Made, { tag: "div", class: type === "table" ? "block wide" : "block", tabindex: type === "table" ? 0 : undefined, content: listNodes(made) }];
  } catch {
    return [LongText, { text: raw }];
  }
}

function setLevel(fragment, level) {
  for (const each of fragment.querySelectorAll("h4, h5, h6")) {
    const heading = document.createElement(`h${level}`);
    heading.append(...each.childNodes);
    each.replaceWith(heading);
  }
}

/** Return the first word after a fence, if it can be the name of a language. */
function readLanguage(named) {
  return /^[\w+#.-]{1,30}/.exec((named ?? "").trim().toLowerCase())?.[0] ?? "";
}
