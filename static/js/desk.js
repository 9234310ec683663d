// The desk: tickets in hand, one on the screen; decisions go out behind the reviewer's back, and
// what the console says about them comes back as a note.
(() => {
  const { request } = window.gh;
  const { data, words, keys, outbox, stage, panel, notes } = window.gh.desk;
  const { at, nameOf } = panel;
  const root = document.getElementById("desk");
  const comment = document.getElementById("desk-comment");
  const MOST_HELD = 10;
  const LAST_SECONDS = 60;
  const LOOK_AGAIN_S = 15;
  const COUNT_S = 60;

  let queue = []; // tickets in hand; the first is on the screen
  const drafts = new Map(); // ticket -> what is chosen and typed, and active milliseconds
  const done = new Set(); // tickets that this tab has decided: an answer from before that is old
  const made = []; // decisions of this tab, to be taken back
  const over = new Set(); // tickets whose lease is over
  let why = null;
  let today = 0;
  let waiting = { n: 0, exact: true };
  let skew = 0; // the console's clock less this one's, milliseconds
  let pressed = 0;
  let idle = false;
  let active = Date.now();

  const uuid = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
  const client = sessionStorage.getItem("desk-tab") ?? uuid();
  sessionStorage.setItem("desk-tab", client);
  const call = async (path, body, headers = {}) => {
    const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } };
    const answer = await request(data.api + path, options);
    const date = Date.parse(answer.headers.get("Date") ?? "");
    if (date) skew = date - Date.now();
    return { ok: answer.ok, status: answer.status, body: answer.status === 204 ? {} : await answer.json().catch(() => ({})) };
  };
  const draftOf = (ticket) => {
    if (!drafts.has(ticket.id)) drafts.set(ticket.id, { armed: null, need: null, reasons: new Set(), comment: "", ms: 0 });
    return drafts.get(ticket.id);
  };

  // The screen
  const span = (ms) => {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 60) return words("t_s", { n: s });
    if (s < 3600) return words("t_min", { n: Math.floor(s / 60) });
    if (s < 86400) return words("t_h", { h: Math.floor(s / 3600), m: Math.floor((s % 3600) / 60) });
    return words("t_d", { d: Math.floor(s / 86400), h: Math.floor((s % 86400) / 3600) });
  };
  const header = () => {
    const ticket = queue[0];
    const now = Date.now() + skew;
    const total = today + waiting.n + queue.length;
    at("today").textContent = words(waiting.exact ? "today" : "today_more", { n: today, total });
    if (!ticket) { for (const name of ["age", "due"]) at(name).textContent = ""; at("lease").hidden = true; return; }
    at("age").textContent = words("age", { time: span(now - Date.parse(ticket.created)) });
    const due = Date.parse(ticket.due) - now;
    at("due").textContent = words(due > 0 ? "due_in" : "late", { time: span(Math.abs(due)) });
    at("due").classList.toggle("warn", due <= 0);
    const left = ticket.lease ? Math.ceil((Date.parse(ticket.lease.expires) - now) / 1000) : LAST_SECONDS + 1;
    at("lease").hidden = left > LAST_SECONDS || left <= 0;
    at("lease").textContent = words("lease_left", { n: left });
    if (left <= 0) leaseOver(ticket);
  };
  const leaseOver = (ticket) => {
    if (over.has(ticket.id)) return;
    over.add(ticket.id);
    notes.note(words("lease_over"));
  };
  const chips = () => {
    const ticket = queue[0];
    const draft = draftOf(ticket);
    panel.reasons(draft.armed ?? "fail", draft.reasons, draft.need, toggle);
    at("confirm").hidden = !draft.armed;
    for (const name of ["pass", "fail", "unsure", "broken"]) root.querySelector(`.desk-${name}`).setAttribute("aria-pressed", String(draft.armed === name));
  };
  const show = () => {
    const ticket = queue[0];
    root.classList.toggle("is-empty", !ticket);
    root.setAttribute("aria-busy", "false");
    at("empty").hidden = Boolean(ticket);
    if (document.activeElement === comment) comment.blur();
    if (!ticket) {
      at("kind").replaceChildren();
      at("title").textContent = document.title.split(" · ")[0];
      if (why) notes.empty(why); else at("empty").replaceChildren(window.gh.el("p", {}, words("fetching")));
      header();
      return;
    }
    at("title").textContent = nameOf(ticket);
    at("kind").replaceChildren(...(ticket.kind ? [window.gh.el("span", { class: "tag" }, words(`kind_${ticket.kind}`))] : [window.gh.el("span", { class: "tag" }, window.gh.icon("blind"), words("blind_tag"))]));
    stage.show(ticket);
    panel.show(ticket);
    comment.value = draftOf(ticket).comment;
    chips();
    header();
    stage.prefetch(queue.slice(1, 1 + data.prefetch));
    measure(ticket);
  };
  const measure = (ticket) => {
    const began = pressed;
    pressed = 0;
    if (began) performance.measure("desk:shown", { start: began, end: performance.now() });
    stage.painted().then(() => requestAnimationFrame(() => setTimeout(() => {
      if (began) performance.measure("desk:painted", { start: began, end: performance.now(), detail: ticket.id });
      root.dataset.painted = ticket.id;
    })));
  };
  const tell = (text) => { at("said").textContent = text; };

  // Deciding
  const toggle = (code) => {
    const draft = draftOf(queue[0]);
    if (draft.reasons.has(code)) draft.reasons.delete(code); else draft.reasons.add(code);
    draft.armed ??= "fail";
    if (draft.reasons.size) draft.need = null;
    chips();
  };
  const fitting = (decision, draft) => panel.reasonsFor(decision).map((r) => r.code).filter((code) => draft.reasons.has(code));
  const decide = (decision) => {
    const ticket = queue[0];
    if (!ticket) return;
    if (data.queue === "adjudication" && decision === "unsure") { notes.note(words("no_unsure")); return; }
    if (outbox.entries.length >= data.most_unsent) { notes.banner(outbox); outbox.flush(); return; }
    const draft = draftOf(ticket);
    const reasons = fitting(decision, draft);
    const overrides = decision === "pass" && !ticket.blind && ticket.model?.verdict === "fail";
    if (!reasons.length && (decision === "fail" || overrides)) {
      draft.armed = decision;
      draft.need = overrides ? "override" : "fail";
      chips();
      tell(at("reasons-head").textContent);
      return;
    }
    pressed = performance.now();
    const key = uuid();
    const body = { decision, reasons, comment: draft.comment.trim(), duration_ms: Math.min(1800000, Math.round(draft.ms)), client };
    queue.shift();
    done.add(ticket.id);
    made.push({ key, ticket, draft: { ...draft, armed: null, need: null } });
    if (made.length > data.most_unsent) made.shift();
    drafts.delete(ticket.id);
    today += 1;
    lastLine(ticket, decision);
    show();
    tell(`${words("last", { key: nameOf(ticket), decision: words(`decision_${decision}`) })}. ${queue[0] ? nameOf(queue[0]) : ""}`);
    outbox.add({ key, item: ticket.id, etag: ticket.etag, body, ticket });
  };
  let last = null;
  const lastLine = (ticket, decision, model) => {
    last = ticket?.id ?? null;
    const text = ticket ? words("last", { key: nameOf(ticket), decision: words(`decision_${decision}`) }) : "";
    at("last").textContent = model ? `${text} · ${words("last_model", { decision: words(`decision_${model}`) })}` : text;
    at("last").title = at("last").textContent;
  };

  // What the console made of a decision
  const back = (ticket, draft) => {
    done.delete(ticket.id);
    over.delete(ticket.id);
    queue = [ticket, ...queue.filter((t) => t.id !== ticket.id)];
    if (draft) drafts.set(ticket.id, draft);
    show();
  };
  const forget = (key) => {
    const index = made.findIndex((m) => m.key === key);
    return index < 0 ? null : made.splice(index, 1)[0];
  };
  const late = (entry, body) => {
    const mine = words(`decision_${entry.body.decision}`);
    const key = nameOf(entry.ticket);
    if (body.code === "already_decided") notes.note(words("decided_already", { key, decision: words(`decision_${body.kept.decision}`) }));
    else if (body.code === "lease_lost" && body.other) notes.note(words("lost_other", { key, mine, name: body.other.reviewer, decision: words(`decision_${body.other.decision}`), reasons: body.other.reasons.map(panel.labelOf).join(", ") || "–" }));
    else if (body.code === "lease_lost" && body.kept) notes.note(words("lost_open", { key, mine }));
    else notes.note(words("refused", { key, mine, detail: body.detail ?? "" }), "bad");
  };
  outbox.on("change", () => notes.banner(outbox));
  outbox.on("answer", async (entry, { status, body }) => {
    if (status === 201) {
      if (last === entry.item && body.ticket.model) lastLine(entry.ticket, entry.body.decision, body.ticket.model.verdict);
      refill();
      return;
    }
    const was = forget(entry.key);
    if (last === entry.item) lastLine(null);
    today = Math.max(0, today - 1);
    const names = { key: nameOf(entry.ticket), mine: words(`decision_${entry.body.decision}`), detail: body.errors?.[0]?.detail ?? body.detail ?? "" };
    if (status === 412) {
      const fresh = await call(`${entry.item}/`).catch(() => null);
      notes.note(words("changed", names));
      if (fresh?.ok) back({ ...fresh.body, was: entry.ticket }, was?.draft);
    } else if (status === 409) {
      late(entry, body);
    } else if (status === 403 || status === 404) {
      notes.note(words("gone", names), "bad");
    } else {
      notes.note(words("refused", names), "bad");
      back(entry.ticket, was?.draft);
    }
    refill();
  });

  // Taking back
  let undoing = false;
  const undo = async () => {
    if (undoing) return;
    undoing = true;
    try { await takeBack(); } catch { notes.note(words("failed", { detail: window.gh.say("offline") }), "bad"); } finally { undoing = false; }
  };
  const takeBack = async () => {
    let entry = made.at(-1);
    if (entry) await outbox.settled(entry.key);
    entry = made.at(-1);
    if (entry && outbox.take(entry.key)) {
      forget(entry.key);
      taken(entry.ticket, entry.draft);
      return;
    }
    let item = entry?.ticket.id;
    if (!entry) item = (await call("mine/")).body.undoable?.[0]?.ticket;
    if (!item) { notes.note(words("undo_none")); return; }
    const answer = await call(`${item}/undo/`, { client }, { "Idempotency-Key": uuid() });
    if (entry) forget(entry.key);
    if (!answer.ok) { notes.note(words("failed", { detail: answer.body.detail ?? "" }), "bad"); return; }
    const ticket = { ...entry?.ticket, ...answer.body.ticket, reviews: entry?.ticket.reviews ?? answer.body.ticket.reviews };
    if (answer.body.yours) taken(ticket, entry?.draft);
    else { today = Math.max(0, today - 1); notes.note(words("undone_elsewhere", { key: nameOf(ticket) })); header(); }
  };
  const taken = (ticket, draft) => {
    today = Math.max(0, today - 1);
    lastLine(null);
    back(ticket, draft);
    notes.note(words("undone", { key: nameOf(ticket) }), "ok", notes.QUICK_MS);
    tell(words("undone", { key: nameOf(ticket) }));
  };

  // Passing over
  const dialog = document.getElementById("desk-skip");
  const skip = () => { if (queue[0]) { dialog.returnValue = ""; dialog.querySelector("input").value = ""; dialog.showModal(); } };
  dialog.addEventListener("close", async () => {
    const ticket = queue[0];
    const reason = dialog.querySelector("input").value.trim();
    if (dialog.returnValue !== "skip" || !ticket || !reason) return;
    try {
      const answer = await call(`${ticket.id}/release/`, { skip: true, reason }, { "Idempotency-Key": uuid() });
      if (!answer.ok && answer.status !== 409) { notes.note(words("failed", { detail: answer.body.detail ?? "" }), "bad"); return; }
      queue = queue.filter((t) => t.id !== ticket.id);
      drafts.delete(ticket.id);
      notes.note(words("skipped", { key: nameOf(ticket) }), "ok", notes.QUICK_MS);
      show();
      refill();
    } catch { notes.note(words("failed", { detail: window.gh.say("offline") }), "bad"); }
  });

  // Tickets in hand
  let filling = false;
  let more = false;
  const query = () => {
    const out = new URLSearchParams({ n: Math.min(MOST_HELD, Math.max(1 + data.prefetch, queue.length) + outbox.entries.length), queue: data.queue, client });
    for (const [name, values] of Object.entries(data.filter)) for (const value of [values].flat()) out.append(name, value);
    return out;
  };
  const refill = async () => {
    if (filling) { more = true; return; }
    filling = true;
    try {
      const answer = await call(`next/?${query()}`);
      if (answer.ok) merge(answer.body);
      else if (answer.status < 500) notes.note(words("failed", { detail: answer.body.detail ?? "" }), "bad");
    } catch { /* what is in hand goes on; the next look comes by itself */ notes.banner(outbox); } finally {
      filling = false;
      if (more) { more = false; refill(); }
    }
  };
  const merge = (body) => {
    today = body.decided_today + outbox.entries.length;
    why = body.empty;
    const unsent = new Set(outbox.entries.map((e) => e.item));
    const fresh = new Map(body.tickets.filter((t) => !unsent.has(t.id) && !done.has(t.id)).map((t) => [t.id, t]));
    const before = queue[0];
    const kept = queue.filter((t, place) => place === 0 || fresh.has(t.id)).map((t) => (fresh.has(t.id) ? renewed(t, fresh.get(t.id)) : t));
    queue = [...kept, ...[...fresh.values()].filter((t) => !kept.some((k) => k.id === t.id))];
    if (!queue.length && !body.empty) return;
    if (before && !fresh.has(before.id)) leaseOver(before); else if (before) { over.delete(before.id); stage.renew(queue[0]); }
    if (queue[0] !== before && queue[0]?.id !== before?.id) show();
    else if (before && queue[0].version !== before.version) show();
    else { header(); stage.prefetch(queue.slice(1, 1 + data.prefetch)); }
    if (!queue.length) show();
  };
  const renewed = (old, now) => {
    if (old.version !== now.version) return { ...now, was: old };
    return { ...now, was: old.was, reviews: now.reviews ?? old.reviews };
  };
  const beat = async () => {
    if (idle || document.hidden || !queue.length) return;
    try {
      const answer = await call("heartbeat/", { items: queue.map((t) => t.id) });
      if (!answer.ok) return;
      const ends = answer.body.leases;
      const gone = queue.filter((t) => ends[t.id] === null);
      for (const ticket of queue) if (ends[ticket.id] && ticket.lease) ticket.lease = { ...ticket.lease, expires: ends[ticket.id] };
      if (gone.length) refill();
      header();
    } catch { notes.banner(outbox); }
  };
  const count = async () => {
    try {
      const answer = await call("mine/");
      if (answer.ok) { waiting = { n: answer.body.waiting, exact: answer.body.waiting_exact }; header(); }
    } catch { notes.banner(outbox); }
  };

  // Time: what is idle is blurred and not counted; a key that wakes the desk decides nothing.
  const setIdle = (is) => {
    if (idle === is) return;
    idle = is;
    root.classList.toggle("idle", is);
    at("idle").hidden = !is;
    if (!is) { beat(); refill(); }
  };
  let ticked = Date.now();
  let seconds = 0;
  let worked = 0; // milliseconds of reviewing since the last pause of three minutes or its reminder
  let away = 0; // since when nobody looks
  const rest = (now) => {
    if (idle || document.hidden) {
      away ||= now;
      if (idle || now - away > 1000 * data.idle_s) worked = 0;
      return;
    }
    away = 0;
    worked += Math.min(1500, now - ticked);
    if (!data.break_minutes || worked < 60000 * data.break_minutes) return;
    worked = 0;
    notes.note(words("break_due", { n: data.break_minutes }), "ok", 60000);
  };
  const tick = () => {
    const now = Date.now();
    rest(now);
    if (!document.hidden && queue[0]) {
      if (now - active > 1000 * data.idle_s) setIdle(true);
      else draftOf(queue[0]).ms += Math.min(1500, now - ticked);
    }
    ticked = now;
    seconds += 1;
    header();
    notes.banner(outbox);
    if (document.hidden) return;
    if (!queue.length && seconds % LOOK_AGAIN_S === 0) refill();
    if (stage.broken() && seconds % LOOK_AGAIN_S === 0) refill();
    if (seconds % data.heartbeat_s === 0) beat();
    if (seconds % COUNT_S === 0 && !idle) count();
  };
  setInterval(tick, 1000);
  for (const type of ["pointermove", "pointerdown", "wheel"]) window.addEventListener(type, () => { active = Date.now(); setIdle(false); }, { passive: true });
  window.addEventListener("keydown", (event) => {
    active = Date.now();
    if (!idle) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    setIdle(false);
  }, true);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { ticked = Date.now(); beat(); } });

  // A tab that closes gives its tickets back. Not sendBeacon: that carries no CSRF token.
  window.addEventListener("pagehide", () => {
    const items = queue.map((t) => t.id);
    if (items.length) fetch(`${data.api}release/`, { method: "POST", keepalive: true, credentials: "same-origin", headers: { "Content-Type": "application/json", "X-CSRFToken": document.body.dataset.csrf }, body: JSON.stringify({ items }) }).catch(() => {});
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) { queue = []; refill(); } });

  comment.addEventListener("input", () => { if (queue[0]) draftOf(queue[0]).comment = comment.value; });
  const disarm = () => {
    if (document.activeElement === comment) { comment.blur(); return undefined; }
    const draft = queue[0] && draftOf(queue[0]);
    if (!draft || (!draft.armed && !draft.reasons.size)) return false;
    Object.assign(draft, { armed: null, need: null, reasons: new Set() });
    chips();
    return undefined;
  };
  const pick = (n) => {
    const ticket = queue[0];
    const reason = ticket && panel.reasonsFor(draftOf(ticket).armed ?? "fail")[n - 1];
    if (reason) toggle(reason.code);
  };
  const side = (name) => root.querySelector(`[data-show-side="${name}"]`)?.click();
  const confirm = () => { const armed = queue[0] && draftOf(queue[0]).armed; if (armed) decide(armed); };
  keys.start({
    pass: () => decide("pass"), fail: () => decide("fail"), unsure: () => decide("unsure"), broken: () => decide("broken"),
    ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [`reason-${n}`, () => pick(n)])),
    confirm, disarm, undo, skip, comment: () => comment.focus(), send: () => outbox.flush(),
    "next-image": stage.next, "previous-image": stage.previous, "zoom-in": stage.closer, "zoom-out": stage.farther, "zoom-fit": stage.toFit,
    original: () => stage.bare(true), truth: () => side("truth"), prediction: () => side("prediction"), both: () => side("both"), none: () => side("none"),
    help: () => document.getElementById("desk-help").showModal(),
  }, { original: () => stage.bare(false) });
  stage.on(panel.here);
  outbox.load().then(refill).then(count);
})();
