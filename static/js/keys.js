// Keyboard: rows, places, palette, help. Off inside inputs.
(() => {
  const { say, el, icon, request, debounce } = window.gh;
  const palette = document.getElementById("palette");
  const help = document.getElementById("keys");
  const typing = (node) => node.closest("input, textarea, select, [contenteditable]") !== null;

  // Rows
  const rows = () => [...document.querySelectorAll("tr[data-href], [data-row]")].filter((r) => r.offsetParent);
  const move = (by) => {
    const all = rows();
    if (!all.length) return;
    const here = all.indexOf(document.activeElement.closest("tr[data-href], [data-row]"));
    const next = all[Math.min(all.length - 1, Math.max(0, here < 0 ? (by > 0 ? 0 : all.length - 1) : here + by))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-href]");
    if (!row || event.target.closest("a, button, input, label, summary, select") || getSelection().toString()) return;
    if (event.ctrlKey || event.metaKey) window.open(row.dataset.href, "_blank", "noopener");
    else location.assign(row.dataset.href);
  });

  // Places
  let waiting = 0;
  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && key === "k" && palette) { event.preventDefault(); openPalette(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    if (Date.now() - waiting < 1200) {
      waiting = 0;
      const link = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
      if (link) { event.preventDefault(); event.stopImmediatePropagation(); location.assign(link.href); return; }
    }
    if (event.key === "g") waiting = Date.now();
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "Enter" && event.target.matches("tr[data-href]")) location.assign(event.target.dataset.href);
    else if (event.key === "?" && help) help.showModal();
    else if (event.key === "/" && palette) { event.preventDefault(); openPalette(); }
    else if (event.key === "n") document.querySelector("[data-launch]")?.click();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-open-palette]")) openPalette();
    if (event.target.closest("[data-open-keys]")) help.showModal();
  });

  // Palette
  if (!palette) return;
  const input = palette.querySelector("input");
  const list = palette.querySelector("ul");
  let chosen = 0;
  let turn = 0;
  const openPalette = () => { if (!palette.open) { palette.showModal(); input.value = ""; ask(); } };
  const options = () => [...list.querySelectorAll("[role=option]")];
  const mark = (index) => {
    const all = options();
    chosen = all.length ? (index + all.length) % all.length : 0;
    all.forEach((o, i) => o.setAttribute("aria-selected", String(i === chosen)));
    all[chosen]?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", all[chosen]?.id ?? "");
  };
  const show = (groups) => {
    list.replaceChildren();
    let n = 0;
    for (const group of groups) {
      list.append(el("li", { class: "palette-group", role: "presentation" }, group.title));
      for (const hit of group.items) {
        const line = el("li", { role: "option", id: `hit-${n++}`, "data-url": hit.url }, icon(hit.icon), el("span", { class: "cut" }, hit.title), el("small", {}, hit.note ?? ""));
        list.append(line);
      }
    }
    if (!n) list.append(el("li", { class: "palette-group" }, say("nothing_found")));
    mark(0);
  };
  const ask = async () => {
    const mine = ++turn;
    const answer = await request(`${document.body.dataset.search}?q=${encodeURIComponent(input.value)}`);
    if (mine === turn && answer.ok) show((await answer.json()).groups);
  };
  input.addEventListener("input", debounce(120, ask));
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); mark(chosen + 1); }
    if (event.key === "ArrowUp") { event.preventDefault(); mark(chosen - 1); }
    if (event.key === "Enter") { event.preventDefault(); const o = options()[chosen]; if (o) location.assign(o.dataset.url); }
  });
  list.addEventListener("click", (event) => { const o = event.target.closest("[data-url]"); if (o) location.assign(o.dataset.url); });
})();
