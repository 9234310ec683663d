// What the desk says beside the ticket: answers that came too late, what could not be sent, why
// there is nothing to do.
(() => {
  const { el, icon } = window.gh;
  const { data, words, panel } = window.gh.desk;
  const { at } = panel;
  const STAY_MS = 15000;
  const QUICK_MS = 5000;
  const SLOW_MS = 1500;

  const note = (text, tone = "warn", stay = STAY_MS) => {
    const close = el("button", { class: "btn btn-plain btn-icon btn-small", type: "button", "aria-label": words("close") }, icon("close"));
    const box = el("div", { class: `note note-${tone}` }, icon(tone === "ok" ? "succeeded" : tone === "bad" ? "failed" : "warning"), el("div", {}, text), close);
    close.addEventListener("click", () => box.remove());
    const notes = document.getElementById("desk-notes");
    notes.append(box);
    while (notes.children.length > 4) notes.firstElementChild.remove();
    setTimeout(() => box.remove(), stay);
  };
  const banner = (outbox) => {
    const n = outbox.entries.length;
    const old = outbox.entries.filter((e) => Date.now() - e.at > SLOW_MS).length;
    const box = document.getElementById("desk-banner");
    box.hidden = !(n && (outbox.failing() || old));
    const full = n >= data.most_unsent;
    at("banner").textContent = n === 1 ? words("unsent_one") : words(full ? "unsent_full" : "unsent", { n });
  };

  const clock = (text) => new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" }).format(new Date(text));
  const number = new Intl.NumberFormat(document.documentElement.lang);
  const empty = (why) => {
    const lines = [];
    if (why.leased) lines.push(words("empty_leased_line", { n: number.format(why.leased), time: why.until ? clock(why.until) : "" }));
    if (why.filtered) lines.push(words("empty_filtered_line", { n: number.format(why.filtered) }));
    if (why.yours) lines.push(words("empty_yours_line", { n: number.format(why.yours) }));
    if (why.code === "none_for_you") lines.push(words("empty_assigned_line"));
    lines.push(words("empty_none_line"));
    const acts = el("div", { class: "row-gap" });
    if (Object.keys(data.filter).length) acts.append(el("a", { class: "btn", href: "?" }, icon("close"), words("clear_filter")));
    const undo = el("button", { class: "btn", type: "button", "data-act": "undo" }, icon("undo"), words("undo_word"), el("kbd", {}, window.gh.desk.keys.capOf("undo")));
    acts.append(undo);
    at("empty").replaceChildren(icon(why.code === "none_left" ? "succeeded" : why.code === "filtered" ? "filter" : "queued"), el("h2", {}, words(`empty_${why.code}`)), ...lines.map((line) => el("p", {}, line)), acts);
  };

  window.gh.desk.notes = { note, banner, empty, QUICK_MS };
})();
