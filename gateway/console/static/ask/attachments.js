// Files for a new task: by the file dialog, pasted, or dropped. They are sent as data URLs in its
// params, whose size is limited; large images are made smaller.

import { clip } from "/console/lib/json_view.js";
import { h, useEffect, useRef } from "/console/vendor/preact.js";

/** Bytes of all files as data URLs: the database takes 1 MiB of params, the rest is left for others. */
const MOST = 900_000;
const MOST_FILES = 20;
const DRAGS = ["dragenter", "dragover", "dragleave", "drop"];
const IMAGE = /^data:image\/(png|jpeg|gif|webp);base64,/;
const EDGE = 1568; // pixels: more than that most models make smaller themselves
const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const TEXTS = /^text\/|^application\/(json|jsonl|xml|sql|toml|yaml)$/;
const ENDINGS = { md: "text/markdown", markdown: "text/markdown", csv: "text/csv", tsv: "text/tab-separated-values", jsonl: "application/jsonl", sql: "application/sql", toml: "application/toml", yaml: "application/yaml", yml: "application/yaml", py: "text/x-python", js: "text/javascript", java: "text/x-java", c: "text/x-c", css: "text/css", json: "application/json", xml: "application/xml", txt: "text/plain", ts: "text/typescript", rs: "text/x-rust", go: "text/x-go", sh: "text/x-sh", log: "text/plain" };

/**
 * `onChange(change)` gets a function from the old files to the new ones. `reading` has `ready`, which is settled
 * when all files that were given are read, and `problem`: why one is not taken.
 */
export function Attachments({ files, form, reading, onChange, onProblem }) {
  const input = useRef(null);
  const button = useRef(null);
  const latest = useRef(files);
  latest.current = files;
  const read = async (chosen) => {
    for (const file of chosen) {
      try {
        const found = await readFile(file, MOST - measure(latest.current));
        if (latest.current.length >= MOST_FILES) throw new Error(`A task has at most ${MOST_FILES} files.`);
        if (found.url.length > MOST - measure(latest.current)) throw new Error(describeTooLarge(file, MOST - measure(latest.current)));
        latest.current = [...latest.current, found];
        onChange((old) => [...old, found]);
      } catch (error) {
        reading.problem = error.message;
        onProblem(error.message);
      }
    }
  };
  const take = (chosen) => {
    const given = [...chosen];
    reading.ready = reading.ready.then(() => read(given));
  };
  useEffect(() => {
    const drag = (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      form.current.classList.toggle("dropping", event.type === "dragenter" || event.type === "dragover");
      if (event.type === "drop") take(event.dataTransfer.files);
    };
    const paste = (event) => {
      const isText = event.clipboardData.types.includes("text/plain"); // of which some programs add a picture
      if (event.clipboardData.files.length === 0 || isText) return;
      event.preventDefault();
      take(event.clipboardData.files);
    };
    for (const name of DRAGS) document.addEventListener(name, drag);
    form.current.addEventListener("paste", paste);
    return () => {
      for (const name of DRAGS) document.removeEventListener(name, drag);
    };
  }, []);
  const remove = (file) => {
    onChange((old) => old.filter((each) => each !== file));
    button.current.focus();
  };
  return h(
    "div",
    { class: "attach" },
    h(
      "p",
      { class: "actions" },
      h("button", { type: "button", class: "quiet", ref: button, onClick: () => input.current.click() }, "Attach files"),
      h("span", { class: "note", role: "status" }, files.length ? `${kilobytes(measure(files))} of ${kilobytes(MOST)} used` : `or paste or drop them, up to ${kilobytes(MOST)}`),
    ),
    h("input", { type: "file", multiple: true, hidden: true, ref: input, "aria-label": "Files to attach", onChange: () => (take(input.current.files), (input.current.value = "")) }),
    files.length ? h("ul", { class: "files", "aria-label": "Attached files" }, files.map((each, number) => h(File, { key: `${number}${each.name}`, file: each, onRemove: () => remove(each) }))) : null,
  );
}

function File({ file, onRemove }) {
  const name = clip(file.name || "file", 80);
  return h(
    "li",
    { title: name },
    IMAGE.test(file.url) ? h("img", { src: file.url, alt: "", width: 40, height: 40 }) : h("span", { class: "kind", "aria-hidden": "true" }, /\.(\w{1,4})$/.exec(name)?.[1] ?? "file"),
    h("span", { class: "title" }, name),
    h("span", { class: "facts" }, file.note),
    h("button", { type: "button", class: "quiet", "aria-label": `Remove ${name}`, onClick: onRemove }, "×"),
  );
}

const measure = (files) => files.reduce((sum, each) => sum + each.url.length, 0);

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
