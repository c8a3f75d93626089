// Files for a new task: by the file dialog, pasted, or dropped. They are sent as data URLs in its
// params, whose size is limited; large images are made smaller.

import { h, show } from "/console/lib/dom.js";
import { buildFile } from "/console/lib/files.js";

/** Bytes of all files as data URLs: the database takes 1 MiB of params, the rest is left for others. */
const MOST = 900_000;
const MOST_FILES = 20;
const EDGE = 1568; // pixels: more than that most models make smaller themselves
const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const TEXTS = /^text\/|^application\/(json|jsonl|xml|sql|toml|yaml)$/;
const ENDINGS = { md: "text/markdown", markdown: "text/markdown", csv: "text/csv", tsv: "text/tab-separated-values", jsonl: "application/jsonl", sql: "application/sql", toml: "application/toml", yaml: "application/yaml", yml: "application/yaml", py: "text/x-python", js: "text/javascript", java: "text/x-java", c: "text/x-c", css: "text/css", json: "application/json", xml: "application/xml", txt: "text/plain", ts: "text/typescript", rs: "text/x-rust", go: "text/x-go", sh: "text/x-sh", log: "text/plain" };

export class AttachmentField {
  #files = [];
  #form;
  #onProblem;
  #input = h("input", { type: "file", multiple: true, hidden: true, "aria-label": "Files to attach", onchange: () => this.#take(this.#input.files) });
  #list = h("ul", { class: "files", "aria-label": "Attached files", hidden: true });
  #hint = h("span", { class: "note", role: "status" });
  #button = h("button", { type: "button", class: "quiet", onclick: () => this.#input.click() }, "Attach files");
  root = h("div", { class: "attach" }, h("p", { class: "actions" }, this.#button, this.#hint), this.#input, this.#list);

  /** `onProblem(sentence)` shows why a file is not taken. The form gets an input event for each change. */
  constructor(form, prompt, onProblem) {
    this.#form = form;
    this.#onProblem = onProblem;
    prompt.addEventListener("paste", (event) => {
      const isText = event.clipboardData.types.includes("text/plain"); // of which some programs add a picture
      if (event.clipboardData.files.length === 0 || isText) return;
      event.preventDefault();
      this.#take(event.clipboardData.files);
    });
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) document.addEventListener(name, (event) => this.#drag(event));
    this.#draw();
  }

  /** Settled when all files that were given are read. */
  ready = Promise.resolve();

  /** Return the files for `params.attachments`. */
  get value() {
    return this.#files.map(({ url, name }) => ({ url, name }));
  }

  clear() {
    this.#files = [];
    this.#draw();
  }

  /** Take what is dropped anywhere: the browser would leave the page and show the file. */
  #drag(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.#form.classList.toggle("dropping", event.type === "dragenter" || event.type === "dragover");
    if (event.type === "drop") this.#take(event.dataTransfer.files);
  }

  #take(files) {
    const chosen = [...files];
    this.#input.value = "";
    this.ready = this.ready.then(() => this.#read(chosen));
  }

  async #read(chosen) {
    for (const file of chosen) {
      try {
        const found = await readFile(file, MOST - this.#size);
        if (this.#files.length >= MOST_FILES) throw new Error(`A task has at most ${MOST_FILES} files.`);
        if (found.url.length > MOST - this.#size) throw new Error(describeTooLarge(file, MOST - this.#size));
        this.#files.push(found);
        this.#form.dispatchEvent(new Event("input"));
      } catch (error) {
        this.#onProblem(error.message);
      }
      this.#draw();
    }
  }

  get #size() {
    return this.#files.reduce((sum, each) => sum + each.url.length, 0);
  }

  #draw() {
    show(
      this.#list,
      this.#files.map((each) =>
        buildFile(each, h("span", { class: "facts" }, each.note), h("button", { type: "button", class: "quiet", "aria-label": `Remove ${each.name}`, onclick: () => this.#remove(each) }, "×")),
      ),
    );
    this.#list.hidden = this.#files.length === 0;
    this.#hint.textContent = this.#files.length ? `${kilobytes(this.#size)} of ${kilobytes(MOST)} used` : `or paste or drop them, up to ${kilobytes(MOST)}`;
  }

  #remove(file) {
    this.#files = this.#files.filter((each) => each !== file);
    this.#form.dispatchEvent(new Event("input"));
    this.#draw();
    this.#button.focus();
  }
}

/** Return a file as a data URL; an image that has too many pixels or bytes is made smaller. */
async function readFile(file, room) {
  const type = file.type && (IMAGES.includes(file.type) || file.type === "application/pdf" || TEXTS.test(file.type)) ? file.type : ENDINGS[file.name.split(".").at(-1).toLowerCase()];
  if (!type) throw new Error(`${file.name}: models take images (PNG, JPEG, GIF, WebP), PDF files and texts.`);
  if (IMAGES.includes(type)) return readImage(file, type, room);
  if (file.size > room) throw new Error(describeTooLarge(file, room));
  return { name: file.name, url: await readUrl(file, type), note: kilobytes(file.size) };
}

async function readImage(file, type, room) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name} is not an image that this browser can read.`);
  }
  const { width, height } = bitmap;
  const scale = Math.min(1, EDGE / Math.max(width, height));
  if (scale === 1 && file.size * 1.4 < room) {
    bitmap.close();
    return { name: file.name, url: await readUrl(file, type), note: `${width} × ${height}, ${kilobytes(file.size)}` };
  }
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // JPEG has no transparency
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const smaller = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
  const name = file.name.replace(/\.\w+$/, "") + ".jpg";
  return { name, url: await readUrl(smaller, "image/jpeg"), note: `made smaller: ${canvas.width} × ${canvas.height}, ${kilobytes(smaller.size)}` };
}

async function readUrl(blob, type) {
  const reader = new FileReader();
  const read = new Promise((done, fail) => {
    reader.onload = () => done(reader.result);
    reader.onerror = () => fail(new Error("The file cannot be read."));
  });
  reader.readAsDataURL(new Blob([blob], { type }));
  return read;
}

function describeTooLarge(file, room) {
  return `${file.name} has ${kilobytes(file.size)}, and ${kilobytes(Math.max(0, room * 0.75))} are left. Put large files into Supabase Storage, and name them storage:BUCKET/PATH in params.attachments.`;
}

const kilobytes = (bytes) => (bytes < 1000 ? `${bytes} bytes` : `${Math.round(bytes / 1000).toLocaleString("en")} kB`);
