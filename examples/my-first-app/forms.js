// The forms of a page: signing in, and showing errors where the status stands.

/** Sign in; sign up if there is no such account. */
export async function signIn(db, email, password) {
  const { error } = await db.auth.signInWithPassword({ email, password });
  if (!error) return;
  const { error: refused } = await db.auth.signUp({ email, password });
  if (refused) throw refused;
}

export function showStatus(text) {
  document.getElementById("status").textContent = text;
}

/** Run an action for each submit of a form, one at a time. */
export function onSubmit(id, action) {
  const form = document.getElementById(id);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      await action();
    } catch (error) {
      showStatus(error.message);
    } finally {
      button.disabled = false;
    }
  });
}

/** Show one of two forms: for signing in, or for asking. */
export function showForm(session) {
  document.getElementById("sign-in").hidden = Boolean(session);
  document.getElementById("ask").hidden = !session;
}
