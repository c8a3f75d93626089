// Markdown to elements: marked makes markup, highlight.js marks code, DOMPurify makes elements that can do nothing.
import DOMPurify from "dompurify";
import highlight from "highlight.js/lib/common";
import { Marked } from "marked";

export { DOMPurify, Marked, highlight };
