// The keys of the desk. The list comes from the server and is the only one: buttons, help and the
// handler read it here. A reader may put an act on another key; it is kept in their account, and
// what is taken is refused.
(() => {
  const data = JSON.parse(document.getElementById("desk-data").textContent);
  const PAGE_KEYS = ["g", "/", "Ctrl+k"];
  let own = { ...data.own_keys };

  const nameOf = (event) => {
    let key = event.key;
    // While a Chinese input method is on, letters come as "Process": the place of the key tells.
    if (key === "Process" || event.keyCode === 229) key = /^Key[A-Z]$/.test(event.code) ? event.code[3] : /^Digit\d$/.test(event.code) ? event.code[5] : key;
    if (key === " ") return "Space";
    if (key.length === 1 && key.toLowerCase() !== key.toUpperCase()) {
      const letter = key.toLowerCase();
      if (event.ctrlKey || event.metaKey) return `Ctrl+${letter}`;
      return event.shiftKey ? `Shift+${letter}` : letter;
    }
    return key;
  };
  const keysOf = (entry) => (own[entry.act] ? [own[entry.act], ...entry.keys.slice(1)] : entry.keys);
  const table = () => {
    const out = new Map();
    for (const entry of data.keys) for (const key of keysOf(entry)) out.set(key, entry.act);
    return out;
  };
  const SIGNS = { ArrowRight: "→", ArrowLeft: "←", Enter: "↵", Escape: "Esc", "-": "−" };
  const cap = (key) => (key.length === 1 ? [key] : key.split("+")).map((p) => SIGNS[p] ?? (p.length === 1 ? p.toUpperCase() : p)).join(" ");
  let acts = table();
  const print = () => {
    for (const node of document.querySelectorAll("[data-cap]")) {
      const entry = data.keys.find((k) => k.act === node.dataset.cap);
      if (entry) node.textContent = node.closest("#desk-help") ? keysOf(entry).map(cap).join(" · ") : cap(keysOf(entry)[0]);
    }
  };
  // What the account keeps, and what it says of a change that it refuses.
  const keep = async (values) => {
    try {
      const answer = await window.gh.request(data.settings, { method: "PATCH", headers: { "Content-Type": "application/json" }, body: JSON.stringify(values) });
      if (answer.ok) return "";
      const body = await answer.json().catch(() => ({}));
      return body.errors?.[0]?.detail ?? body.detail ?? String(answer.status);
    } catch { return window.gh.say("offline"); }
  };
  const put = async (next) => {
    const before = own;
    own = next;
    acts = table();
    print();
    const wrong = await keep({ keys: own });
    if (!wrong) return;
    own = before;
    acts = table();
    print();
    tell(wrong);
  };

  // Another key for an act: press the act's button in the help, then the key.
  const help = document.getElementById("desk-help");
  const error = help.querySelector("[data-at=key-error]");
  const words = data.words;
  const tell = (text) => { error.textContent = text; error.hidden = !text; };
  let waiting = null;
  const stop = () => { waiting = null; print(); };
  help.addEventListener("click", (event) => {
    const button = event.target.closest("[data-remap]");
    tell("");
    if (event.target.closest("[data-reset-keys]")) { put({}); return; }
    if (!button) return;
    waiting = button.dataset.remap;
    button.querySelector("kbd").textContent = words.press_key;
  });
  help.addEventListener("close", stop);
  help.addEventListener("keydown", (event) => {
    if (!waiting || ["Shift", "Control", "Meta", "Alt"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const key = nameOf(event);
    const act = waiting;
    if (key === "Escape") { stop(); return; }
    const holder = acts.get(key);
    if ((holder && holder !== act) || PAGE_KEYS.includes(key)) {
      const title = data.keys.find((k) => k.act === holder)?.title ?? words.every_page;
      tell(words.key_taken.replace("{key}", cap(key)).replace("{title}", title));
      stop();
      return;
    }
    const entry = data.keys.find((k) => k.act === act);
    const next = { ...own, [act]: key };
    if (key === entry.keys[0]) delete next[act];
    waiting = null;
    put(next);
  }, true);

  // The reminder of a break: off, or after so many minutes.
  const pause = help.querySelector("[name=break]");
  const minutes = help.querySelector("[name=break_minutes]");
  const habit = async () => {
    minutes.disabled = !pause.checked;
    if (pause.checked && !minutes.checkValidity()) { minutes.reportValidity(); return; }
    const wanted = pause.checked ? Number(minutes.value) : 0;
    const wrong = await keep({ break_minutes: wanted });
    tell(wrong);
    if (!wrong) data.break_minutes = wanted;
  };
  for (const field of [pause, minutes]) field.addEventListener("change", habit);

  // `start(handlers)`: handlers by act; one that returns false leaves the key to the page. Off in
  // inputs (Escape leaves them) and while a dialog is open; `g` and what follows it are the page's.
  let going = 0;
  const start = (handlers, ups = {}) => {
    document.addEventListener("keydown", (event) => {
      const key = nameOf(event);
      const act = acts.get(key);
      const field = event.target.closest("input, textarea, select, [contenteditable]");
      if (event.altKey || document.querySelector("dialog[open]")) return;
      if (field && !(act === "disarm" && field.id === "desk-comment")) return;
      if (Date.now() - going < 1200) { going = 0; return; }
      if (key === "g") { going = Date.now(); return; }
      if (!act || ((event.ctrlKey || event.metaKey) && !key.startsWith("Ctrl+"))) return;
      if ((key === "Enter" || key === "Space") && event.target.closest("button, a, summary")) return;
      if (event.repeat && !act.startsWith("zoom") && !act.endsWith("image")) { event.preventDefault(); return; }
      if (handlers[act]?.() === false) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true);
    document.addEventListener("keyup", (event) => { ups[acts.get(nameOf(event))]?.(); }, true);
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-act], [data-show-side]");
      if (!button || button.disabled) return;
      if (event.detail > 0) button.blur(); // a click leaves the keyboard to the desk
      if (button.dataset.act) handlers[button.dataset.act]?.();
    });
  };
  print();
  window.gh.desk = { data, keys: { start, capOf: (act) => cap(keysOf(data.keys.find((k) => k.act === act))[0]) } };
})();
