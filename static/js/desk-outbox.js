// Decisions that are not sent yet: in memory, and in IndexedDB so that they outlive the tab. Each
// is sent with its own Idempotency-Key until the console has answered, in the order they were made.
(() => {
  const { data } = window.gh.desk;
  const STORE = "unsent";
  const mine = (entry) => entry.user === data.user && entry.project === data.project;
  const opened = new Promise((resolve) => {
    const asked = indexedDB.open("gatehouse-desk", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "key" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => resolve(null); // private windows may refuse: memory still serves
  });
  const within = async (mode, act) => {
    const base = await opened;
    if (!base) return undefined;
    return new Promise((resolve) => {
      const turn = base.transaction(STORE, mode);
      const asked = act(turn.objectStore(STORE));
      turn.oncomplete = () => resolve(asked.result);
      turn.onerror = turn.onabort = () => resolve(undefined);
    });
  };

  const entries = [];
  const listeners = { answer: () => {}, change: () => {} };
  let sending = null;
  let failures = 0;
  let timer = 0;
  const forget = (key) => {
    const at = entries.findIndex((e) => e.key === key);
    if (at >= 0) entries.splice(at, 1);
    within("readwrite", (store) => store.delete(key));
  };
  const again = () => {
    failures += 1;
    clearTimeout(timer);
    timer = setTimeout(flush, Math.min(30000, 1000 * 2 ** Math.min(failures - 1, 5)));
    listeners.change();
  };
  const post = async (entry) => {
    const answer = await window.gh.request(`${data.api}${entry.item}/decision/`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": entry.key, "If-Match": entry.etag },
      body: JSON.stringify(entry.body),
    });
    if (answer.status === 429 || answer.status >= 500 || answer.status === 401) return null;
    return { status: answer.status, body: await answer.json().catch(() => ({})) };
  };
  const flush = async () => {
    if (sending || !entries.length) return;
    clearTimeout(timer);
    const entry = entries[0];
    sending = { key: entry.key, done: null };
    let settle = () => {};
    sending.done = new Promise((resolve) => { settle = resolve; });
    let said = null;
    try { said = await post(entry); } catch { said = null; } // no network is no answer
    sending = null;
    if (said) { failures = 0; forget(entry.key); }
    settle();
    if (!said) { again(); return; }
    listeners.change();
    await listeners.answer(entry, said);
    flush();
  };

  const outbox = {
    entries,
    on: (name, act) => { listeners[name] = act; },
    add: (entry) => {
      const whole = { ...entry, user: data.user, project: data.project, at: Date.now() };
      entries.push(whole);
      within("readwrite", (store) => store.put(whole));
      listeners.change();
      flush();
    },
    // Takes an unsent decision out again; false when it is gone or on its way.
    take: (key) => {
      if (sending?.key === key || !entries.some((e) => e.key === key)) return false;
      forget(key);
      listeners.change();
      return true;
    },
    settled: async (key) => { if (sending?.key === key) await sending.done; },
    flush,
    failing: () => failures > 0,
    load: async () => {
      const kept = (await within("readonly", (store) => store.getAll())) ?? [];
      for (const entry of kept.filter(mine).sort((a, b) => a.at - b.at)) if (!entries.some((e) => e.key === entry.key)) entries.push(entry);
      listeners.change();
      flush();
    },
  };
  window.addEventListener("online", flush);
  window.gh.desk.outbox = outbox;
})();
