// Markdown as elements that can do nothing. marked makes markup of it, DOMPurify makes elements of that,
// and nothing else may (see the page's policy). HTML in it is text.
//
// It is drawn block by block: blocks that did not change stay, so that a growing text neither flickers nor
// loses what is selected. Hostile texts take time that grows with their square, so a block has a limit, and
// all of them together have one of time; what exceeds them is plain text.

import { copyByButton, downloadText } from "/console/lib/copy.js";
import { h } from "/console/lib/dom.js";
import { buildText, showControls } from "/console/lib/json_view.js";
import { DOMPurify, highlight, Marked } from "/console/vendor/markdown.js";

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

function narrow(element) {
  const classes = [...element.classList].filter((each) => /^hljs-[\w-]+$/.test(each));
  if (classes.length) element.className = classes.join(" ");
  else element.removeAttribute("class");
  if (element.tagName !== "A" || !element.hasAttribute("href")) return;
  element.setAttribute("target", "_blank");
  element.setAttribute("rel", "noopener noreferrer nofollow");
}

/** A growing Markdown text. */
export class MarkdownView {
  root = h("div", { class: "markdown" });
  #blocks = [];
  #rest = h("div", {});
  #drawn = "";

  /** Draw a text; return how many milliseconds that took. */
  update(text) {
    if (text === this.#drawn) return 0;
    this.#drawn = text;
    const begin = performance.now();
    const end = findEnd(text);
    const { blocks, definitions } = splitBlocks(showControls(text.slice(0, end)));
    const levels = findLevels(blocks);
    let kept = 0;
    while (kept < blocks.length && this.#blocks[kept]?.raw === blocks[kept].raw) kept++;
    for (const each of this.#blocks.splice(kept)) each.element.remove();
    this.#rest.remove();
    let isLate = false;
    for (const [at, block] of blocks.slice(kept).entries()) {
      isLate ||= performance.now() - begin > BUDGET_MS;
      const element = isLate ? buildText(block.raw) : buildBlock(block, definitions, levels[kept + at]);
      this.#blocks.push({ raw: block.raw, element });
      this.root.append(element);
    }
    if (end < text.length) {
      const note = `Shown as Markdown up to here: the answer has ${text.length.toLocaleString("en")} characters. The rest is plain text.`;
      this.#rest = h("div", {}, h("p", { class: "note" }, note), buildText(text.slice(end)));
      this.root.append(this.#rest);
    }
    return performance.now() - begin;
  }
}

/** Build a block of code with its name, and buttons that copy and save it. */
export function buildCode(text, { language = "", name = "" } = {}) {
  const known = readLanguage(language);
  const code = h("code", {});
  fillCode(code, text, known);
  const file = name || `code.${ENDINGS[known] ?? (/^\w{1,8}$/.test(known) ? known : "txt")}`;
  return h(
    "figure",
    { class: "code" },
    h(
      "figcaption",
      {},
      h("span", { class: "note" }, showControls(name || known || "code")),
      h("button", { type: "button", class: "quiet", onclick: ({ currentTarget }) => copyByButton(currentTarget, text, file) }, "Copy"),
      h("button", { type: "button", class: "quiet", onclick: () => downloadText(file, text) }, "Download"),
    ),
    h("pre", { tabindex: 0, "aria-label": `Code ${showControls(name || known)}`.trim(), role: "region" }, code),
  );
}

function fillCode(element, text, language) {
  const shown = showControls(text);
  if (!highlight.getLanguage(language) || text.length > MOST_CODE) element.append(shown);
  else element.append(sanitize(highlight.highlight(shown, { language, ignoreIllegals: true }).value));
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
  if (type === "code") return buildCode(text, { language: lang });
  if (raw.length > MOST_IN_BLOCK && type !== "table") return buildText(raw);
  try {
    const source = definitions && raw.includes("]") ? `${definitions}\n\n${raw}` : raw;
    const block = h("div", { class: type === "table" ? "block wide" : "block", tabindex: type === "table" ? 0 : null });
    block.append(sanitize(marked.parse(source)));
    if (level) for (const each of block.querySelectorAll("h4, h5, h6")) each.replaceWith(h(`h${level}`, {}, ...each.childNodes));
    for (const each of block.querySelectorAll("pre > code")) {
      const language = /^hljs-language-(.+)$/.exec(each.className)?.[1] ?? "";
      each.parentElement.replaceWith(buildCode(each.textContent.replace(/\n$/, ""), { language }));
    }
    return block;
  } catch {
    return buildText(raw);
  }
}

/** Return the first word after a fence, if it can be the name of a language. */
function readLanguage(named) {
  return /^[\w+#.-]{1,30}/.exec((named ?? "").trim().toLowerCase())?.[0] ?? "";
}
