// The form of the import wizard: small fills, an upload, a live try of the ticket pattern, focus on what is wrong.
(() => {
  const form = document.querySelector("form[data-wizard]");
  if (!form) return;
  const { say, request, debounce } = window.gh;
  form.addEventListener("click", (event) => {
    const fill = event.target.closest("[data-fill]");
    const input = fill && form.elements.namedItem(fill.dataset.fill);
    if (!input) return;
    input.value = fill.dataset.value;
    input.focus();
  });
  // Typing into a group that is off means that one wants it.
  form.addEventListener("input", (event) => {
    const box = event.target.closest("fieldset.switched")?.querySelector("legend input");
    if (box && event.target !== box && event.target.value !== "") box.checked = true;
  });
  form.querySelector("[aria-invalid]")?.focus();

  // Bytes in decimal units, as the pages write them.
  const size = (bytes) => {
    let unit = 0;
    for (; bytes >= 1000 && unit < 4; unit++) bytes /= 1000;
    return `${bytes.toFixed(unit === 0 || bytes >= 100 ? 0 : 1)} ${["B", "kB", "MB", "GB", "TB"][unit]}`;
  };

  // The file goes up as it is; what comes back is written into the source. Fetch cannot tell how far an upload is.
  const box = form.querySelector("[data-upload]");
  if (box) {
    const source = form.elements.namedItem("source");
    const file = box.querySelector("input");
    const bar = box.querySelector("progress");
    const stop = box.querySelector("[data-stop]");
    const said = box.querySelector("[data-said]");
    const go = form.querySelector("button.btn-main");
    let sending = null;
    const tell = (text, bad = false) => { said.textContent = text; said.classList.toggle("bad", bad); };
    const ended = () => { sending = null; bar.hidden = stop.hidden = true; go.disabled = false; file.value = ""; };
    const send = (chosen) => {
      if (!chosen || sending) return;
      if (chosen.size > Number(box.dataset.most)) { tell(say("upload_too_large", { most: size(Number(box.dataset.most)) }), true); file.value = ""; return; }
      const call = (sending = new XMLHttpRequest());
      call.open("POST", `${box.dataset.upload}?name=${encodeURIComponent(chosen.name)}`);
      call.setRequestHeader("Content-Type", "application/octet-stream");
      call.setRequestHeader("X-CSRFToken", document.body.dataset.csrf);
      call.responseType = "json";
      call.upload.onprogress = (event) => {
        const share = event.loaded / chosen.size;
        bar.value = share;
        tell(share < 1 ? say("upload_sent", { name: chosen.name, a: size(event.loaded), b: size(chosen.size) }) : say("upload_checking", { name: chosen.name }));
      };
      call.onload = () => {
        const done = call.status === 201;
        if (done) { source.value = call.response.ref; source.removeAttribute("aria-invalid"); }
        tell(done ? say("upload_done", { name: call.response.name, b: size(call.response.bytes) }) : call.response?.detail ?? say("upload_broken"), !done);
        ended();
      };
      call.onerror = () => { tell(say("upload_broken"), true); ended(); };
      call.onabort = () => { tell(say("upload_stopped")); ended(); };
      bar.value = 0;
      bar.hidden = stop.hidden = false;
      go.disabled = true;
      call.send(chosen);
    };
    box.hidden = false;
    box.querySelector("[data-choose]").addEventListener("click", () => file.click());
    file.addEventListener("change", () => send(file.files[0]));
    stop.addEventListener("click", () => sending?.abort());
    const part = box.closest(".card");
    part.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
    part.addEventListener("dragleave", (event) => { if (!part.contains(event.relatedTarget)) box.classList.remove("over"); });
    part.addEventListener("drop", (event) => { event.preventDefault(); box.classList.remove("over"); send(event.dataTransfer.files[0]); });
  }

  const trial = form.querySelector("[data-tickets]");
  const pattern = form.elements.namedItem("ticket_pattern");
  if (!trial || !pattern) return;
  const names = trial.querySelector("[data-names]");
  const answer = trial.querySelector("[data-answer]");
  let turn = 0;
  const ask = async () => {
    if (!trial.open) return;
    const mine = ++turn;
    const paths = names.value.split("\n").map((n) => n.trim()).filter(Boolean).slice(0, Number(trial.dataset.most));
    try {
      const reply = await request(trial.dataset.tickets, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ pattern: pattern.value, names: paths }) });
      const data = await reply.json();
      if (mine !== turn) return;
      if (!reply.ok || data.problem) { answer.textContent = data.problem || data.detail; answer.classList.add("bad"); return; }
      answer.classList.remove("bad");
      const lines = paths.map((path, i) => `${path}  →  ${data.tickets[i] || say("own_ticket")}`);
      answer.textContent = [say("tickets_found", { n: paths.length, t: data.distinct }), ...lines].join("\n");
    } catch {
      if (mine === turn) answer.textContent = say("check_unreachable");
    }
  };
  const soon = debounce(300, ask);
  pattern.addEventListener("input", () => { trial.open = true; soon(); });
  names.addEventListener("input", soon);
  trial.addEventListener("toggle", ask);
  if (pattern.value) trial.open = true;
})();
