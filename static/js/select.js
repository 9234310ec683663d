// Ticking runs in the list: x ticks the row, c compares; the choice survives filters and pages.
(() => {
  const bar = document.querySelector("[data-selected]");
  if (!bar) return;
  const { say } = window.gh;
  const KEY = `selected/${document.body.dataset.project}`;
  const limit = Number(bar.dataset.limit);
  let chosen = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");

  const show = () => {
    sessionStorage.setItem(KEY, JSON.stringify(chosen));
    for (const box of document.querySelectorAll("[data-tick]")) box.checked = chosen.includes(box.value);
    bar.hidden = chosen.length === 0;
    bar.querySelector("[data-count]").textContent = say(chosen.length === 1 ? "selected_one" : "selected_many", { n: chosen.length });
    const go = bar.querySelector("[data-compare-selected]");
    const query = new URLSearchParams(chosen.map((uid) => ["run", uid]));
    if (chosen.length > 1) go.href = `${bar.dataset.url}?${query}`;
    else go.removeAttribute("href");
    go.setAttribute("aria-disabled", String(chosen.length < 2));
  };
  const tick = (uid, on) => {
    chosen = chosen.filter((one) => one !== uid);
    if (on && chosen.length >= limit) window.gh.toast(say("selected_limit", { n: limit }));
    else if (on) chosen.push(uid);
    show();
  };
  document.addEventListener("change", (event) => { if (event.target.matches("[data-tick]")) tick(event.target.value, event.target.checked); });
  bar.querySelector("[data-clear]").addEventListener("click", () => { chosen = []; show(); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([data-tick]), textarea, select, dialog[open]")) return;
    const box = document.activeElement?.closest("tr")?.querySelector("[data-tick]");
    if (event.key === "x" && box) { event.preventDefault(); tick(box.value, !box.checked); }
    if (event.key === "c") bar.querySelector("[data-compare-selected][href]")?.click();
  });
  document.addEventListener("region", show);
  show();
})();
