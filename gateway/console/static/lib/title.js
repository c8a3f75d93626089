// The title of the document: what is shown, and how many questions are open.

let text = "COGO console";
let open = "";

export function setTitle(shown) {
  text = shown;
  draw();
}

/** Set the number of open questions, as text; empty without any. */
export function setOpenCount(count) {
  open = count;
  draw();
}

function draw() {
  const title = open ? `(${open}) ${text}` : text;
  if (document.title !== title) document.title = title;
}
