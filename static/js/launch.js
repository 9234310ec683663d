// Launch: the form and the YAML are two views of one text, kept in step by the server.
(() => {
  const form = document.querySelector("form[data-launch-form]");
  if (!form) return;
  const { say, el, icon, request, debounce, Editor } = window.gh;
  const editor = new Editor(form.querySelector("[data-editor]"));
  const schema = form.querySelector("[data-schema]");
  const state = form.querySelector("[data-sync-state]");
  const plan = form.querySelector("[data-plan]");
  let turn = 0;
  let queue = Promise.resolve();

  const place = (problems) => {
    for (const box of schema.querySelectorAll("[data-errors]")) box.replaceChildren();
    for (const input of schema.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    for (const problem of problems) {
      let path = problem.path;
      let field = null;
      while (path && !field) {
        field = schema.querySelector(`[data-field="${CSS.escape(path)}"]`);
        if (!field) path = path.replace(/[.[][^.[]*$/, (m, at) => (at === 0 ? "" : ""));
        if (!field && !/[.[]/.test(path)) { field = schema.querySelector(`[data-field="${CSS.escape(path)}"]`); break; }
      }
      if (!field) continue;
      field.querySelector("[data-path]")?.setAttribute("aria-invalid", "true");
      field.querySelector("[data-errors]").append(el("p", { class: "error" }, icon("warning"), " ", problem.message));
    }
    editor.show(problems);
  };
  const send = async (body, redraw) => {
    const mine = ++turn;
    state.textContent = say("checking");
    try {
      const answer = await request(form.dataset.sync, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ kind: form.kind.value, text: editor.text, ...body }) });
      if (!answer.ok) throw new Error(answer.statusText);
      const data = await answer.json();
      if (mine !== turn && !body.path) return;
      if (body.path) editor.text = data.text;
      if (redraw) swap(data.form);
      else marks(data.given);
      plan.innerHTML = data.plan;
      place(data.problems);
      state.textContent = "";
    } catch {
      state.textContent = say("check_unreachable");
    }
  };
  const swap = (html) => {
    const focused = document.activeElement?.dataset?.path;
    schema.innerHTML = html;
    if (focused) schema.querySelector(`[data-path="${CSS.escape(focused)}"]`)?.focus();
  };
  const marks = (given) => {
    const set = new Set(given);
    for (const field of schema.querySelectorAll("[data-field]")) field.classList.toggle("given", set.has(field.dataset.field));
  };

  // Edits of the form go one after the other, each on the text that the one before has left.
  const timers = new Map();
  const edit = (input) => {
    timers.delete(input.dataset.path);
    const body = { path: input.dataset.path, raw: input.value };
    queue = queue.then(() => send(body, input.dataset.structural !== undefined));
    return queue;
  };
  schema.addEventListener("input", (event) => {
    const input = event.target.closest("[data-path]");
    if (!input || input.tagName === "SELECT") return;
    clearTimeout(timers.get(input.dataset.path)?.timer);
    timers.set(input.dataset.path, { input, timer: setTimeout(() => edit(input), 350) });
  });
  schema.addEventListener("change", (event) => {
    const input = event.target.closest("select[data-path]");
    if (input) edit(input);
  });
  editor.area.addEventListener("input", debounce(400, () => { queue = queue.then(() => send({}, true)); }));

  // What was typed last is sent before the run is launched.
  let settled = false;
  form.addEventListener("submit", async (event) => {
    if (settled) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    for (const { input, timer } of [...timers.values()]) { clearTimeout(timer); edit(input); }
    await queue;
    settled = true;
    // Not inside the event that was just refused: the browser would ignore it.
    setTimeout(() => form.requestSubmit());
  }, true);
  window.addEventListener("pageshow", () => { settled = false; });
  const first = document.getElementById("first-problems");
  if (first) place(JSON.parse(first.textContent));
})();
