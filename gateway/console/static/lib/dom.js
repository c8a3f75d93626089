// The elements of the page's own frame, which stand in index.html.

export const byId = (id) => document.getElementById(id);
