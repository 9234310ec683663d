// The log of an attempt: starts at its end, follows, searches, loads earlier lines on request.
(() => {
  const box = document.querySelector("[data-log]");
  if (!box) return;
  const { say, el, request, debounce } = window.gh;
  const CHUNK = 65536;
  const MOST_LINES = 20000;
  const pane = box.querySelector(".log");
  const follow = box.querySelector("[data-follow]");
  const search = box.querySelector("[data-find]");
  const found = box.querySelector("[data-found]");
  const earlier = box.querySelector("[data-earlier]");
  let start = 0;
  let end = 0;
  let rest = "";
  let hits = [];
  let at = -1;
  let busy = false;

  const line = (text) => {
    const node = el("div", {}, text || " ");
    if (/\b(error|traceback|exception|fatal)\b/i.test(text)) node.className = "is-bad";
    else if (/\bwarn(ing)?\b/i.test(text)) node.className = "is-warn";
    return node;
  };
  const read = async (offset, limit) => {
    const answer = await request(`${box.dataset.url}${box.dataset.url.includes("?") ? "&" : "?"}offset=${offset}&limit=${limit}`);
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.json();
  };
  const atEnd = () => pane.scrollHeight - pane.scrollTop - pane.clientHeight < 30;
  const add = (text) => {
    const parts = (rest + text).split(/\r?\n/);
    rest = parts.pop();
    // A carriage return rewrites its line, as a progress bar does in a terminal.
    pane.append(...parts.map((p) => line(p.slice(p.lastIndexOf("\r") + 1))));
    while (pane.childElementCount > MOST_LINES) pane.firstElementChild.remove();
  };
  const more = async () => {
    if (busy) return;
    busy = true;
    try {
      for (;;) {
        const data = await read(end, CHUNK);
        if (!data.text) break;
        add(data.text);
        end = data.end;
        if (data.end >= data.size) break;
      }
      pane.querySelector(".empty")?.remove();
      if (follow.checked) pane.scrollTop = pane.scrollHeight;
    } catch {
      window.gh.toast(say("failed_to_load"));
    } finally {
      busy = false;
    }
  };
  const begin = async () => {
    try {
      const probe = await read(0, 0);
      start = Math.max(0, probe.size - CHUNK);
      end = start;
      earlier.hidden = start === 0;
      if (!probe.size) { pane.append(el("div", { class: "empty" }, say("no_log"))); return; }
      await more();
      if (start > 0) pane.firstElementChild?.remove();
    } catch {
      pane.replaceChildren(el("div", { class: "empty" }, say("failed_to_load")));
    }
  };
  earlier.addEventListener("click", async () => {
    const from = Math.max(0, start - CHUNK);
    const data = await read(from, start - from);
    const height = pane.scrollHeight;
    const lines = data.text.split(/\r?\n/);
    if (from > 0) lines.shift();
    pane.prepend(...lines.map(line));
    pane.scrollTop += pane.scrollHeight - height;
    start = from;
    earlier.hidden = start === 0;
    follow.checked = false;
  });
  pane.addEventListener("scroll", debounce(60, () => { follow.checked = atEnd(); }));

  const step = (by) => {
    if (!hits.length) return;
    hits[at]?.classList.remove("now");
    at = (at + by + hits.length) % hits.length;
    hits[at].classList.add("now");
    follow.checked = false;
    hits[at].scrollIntoView({ block: "center" });
    found.textContent = say("of", { a: at + 1, b: hits.length });
  };
  const find = () => {
    for (const node of hits) node.classList.remove("hit", "now");
    const wanted = search.value.toLowerCase();
    hits = wanted ? [...pane.children].filter((n) => n.textContent.toLowerCase().includes(wanted)) : [];
    for (const node of hits) node.classList.add("hit");
    at = -1;
    found.textContent = wanted ? say("matches", { n: hits.length }) : "";
    if (hits.length) { at = hits.length; step(-1); }
  };
  search.addEventListener("input", debounce(150, find));
  search.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); step(event.shiftKey ? 1 : -1); } });
  window.gh.onEvent((type, data) => { if (box.dataset.alive === "1" && (data.uid ?? box.dataset.run) === box.dataset.run) more(); });
  if (box.dataset.alive === "1") setInterval(() => { if (!document.hidden) more(); }, 3000);
  begin();
})();
