// Acts of leads: on all open tickets of a filter, counted before they are done; exports; small posts.
(() => {
  const { request, toast } = window.gh;
  const block = document.getElementById("queue-data");
  const data = block ? JSON.parse(block.textContent) : { words: {} };
  const words = (name, values = {}) => (data.words[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
  const format = new Intl.NumberFormat("en");
  const uuid = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
  const post = async (url, body) => {
    const answer = await request(url, { method: "POST", headers: { "Content-Type": "application/json", "Idempotency-Key": uuid() }, body: JSON.stringify(body ?? {}) });
    return { ok: answer.ok, status: answer.status, body: answer.status === 204 ? {} : await answer.json().catch(() => ({})) };
  };
  const detail = (body) => body.errors?.[0]?.detail ?? body.detail ?? "";

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-post]");
    if (!button) return;
    button.disabled = true;
    const answer = await post(button.dataset.post, JSON.parse(button.dataset.body ?? "{}"));
    if (!answer.ok) { toast(detail(answer.body)); button.disabled = false; } else if (button.dataset.done) toast(button.dataset.done);
    else location.reload();
  });

  const wait = async (uid, line) => {
    for (;;) {
      const answer = await request(`${data.api}operations/${uid}/`);
      if (!answer.ok) return;
      const body = await answer.json();
      line.textContent = words("act_progress", { n: format.format(body.done), total: format.format(body.total) });
      if (body.finished) return;
      await new Promise((resolve) => { setTimeout(resolve, 700); });
    }
  };
  const bulk = document.getElementById("bulk");
  if (bulk) {
    const form = bulk.querySelector("form");
    const line = bulk.querySelector("[data-count]");
    const error = bulk.querySelector("[data-error]");
    const button = bulk.querySelector("[data-do]");
    let act = "";
    const fail = (text) => { error.textContent = text; error.hidden = !text; };
    const body = (preview) => {
      const people = [...form.querySelectorAll("[name=person]:checked")].map((i) => i.value);
      const kind = form.querySelector("[name=kind]:checked")?.value ?? "pool";
      const to = people.length ? people : kind === "pool" ? [] : [kind];
      return { act, filter: data.filter, preview, reason: form.elements.reason.value, ...(act === "assign" ? { to } : {}), ...(act === "priority" ? { priority: Number(form.elements.priority.value) } : {}) };
    };
    document.addEventListener("click", async (event) => {
      const chosen = event.target.closest("[data-bulk]");
      if (!chosen) return;
      act = chosen.dataset.bulk;
      for (const part of bulk.querySelectorAll("[data-part]")) part.hidden = part.dataset.part !== act;
      chosen.closest("details").open = false;
      fail("");
      button.disabled = true;
      line.textContent = words("counting");
      bulk.showModal();
      const answer = await post(`${data.api}bulk/`, body(true));
      if (!answer.ok) { fail(detail(answer.body)); line.textContent = ""; return; }
      const { total, exact } = answer.body;
      line.textContent = total === 0 ? words("act_none") : words(!exact ? "act_count_more" : total === 1 ? "act_one" : "act_count", { n: format.format(total) });
      button.disabled = total === 0;
    });
    form.addEventListener("change", (event) => {
      if (event.target.name === "person" && event.target.checked) for (const radio of form.querySelectorAll("[name=kind]")) radio.checked = false;
      if (event.target.name === "kind") for (const box of form.querySelectorAll("[name=person]")) box.checked = false;
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      fail("");
      const answer = await post(`${data.api}bulk/`, body(false));
      if (!answer.ok) { fail(detail(answer.body)); button.disabled = false; return; }
      if (!answer.body.finished) await wait(answer.body.uid, line);
      location.reload();
    });
  }

  const saving = document.querySelector("[data-save-view]");
  saving?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const error = saving.querySelector("[data-error]");
    const query = new URLSearchParams(location.search);
    query.delete("cursor");
    const answer = await post(`${data.api}views/`, { name: saving.elements.name.value.trim(), query: query.toString() });
    if (answer.ok) { location.reload(); return; }
    error.textContent = detail(answer.body);
    error.hidden = false;
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-forget]");
    if (!button) return;
    const answer = await request(`${data.api}views/${button.dataset.forget}/`, { method: "DELETE" });
    if (answer.ok) button.closest(".saved-view").remove(); else toast(words("act_failed"));
  });

  const exporting = document.querySelector("[data-export]");
  exporting?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = exporting.querySelector(".btn-main");
    const error = exporting.querySelector("[data-error]");
    button.disabled = true;
    error.hidden = true;
    const answer = await post(`${data.api}exports/`, { scope: exporting.elements.scope.value });
    button.disabled = false;
    if (!answer.ok) { error.textContent = detail(answer.body); error.hidden = false; return; }
    const path = `${data.api}exports/${answer.body.uid}/`;
    for (let ready = answer.body.ready; !ready;) {
      await new Promise((resolve) => { setTimeout(resolve, 800); });
      ready = (await (await request(path)).json()).ready;
    }
    location.assign(`${path}file/`);
    exporting.closest("dialog").close();
  });
})();
