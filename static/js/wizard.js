// The form of the import wizard: small fills, a live try of the ticket pattern, focus on what is wrong.
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
