// What is told beside the images: the question, why the ticket is here, the checklist, the model's
// word, what was said of each image, the two reviews of a conflict, what has changed; the reasons.
(() => {
  const { el, icon } = window.gh;
  const { data, words, classOf } = window.gh.desk;
  const root = document.getElementById("desk");
  const at = (name) => document.querySelector(`[data-at="${name}"]`);
  const LOOKS = { pass: ["succeeded", "ok"], fail: ["failed", "bad"], unsure: ["unsure", "warn"], broken: ["broken", "quiet"] };
  const SEPARATORS = /([，；;。\n]+)/;
  const checklists = new Map();

  const chip = (decision) => {
    const [name, tone] = LOOKS[decision] ?? ["unknown", "quiet"];
    return el("span", { class: `chip chip-${tone}` }, icon(name), words(`decision_${decision}`));
  };
  // The key of a ticket ends in the verdict on record, which a blind review must not know.
  const nameOf = (ticket) => ticket.group_id || ticket.ticket_key.split("::")[0];
  const labelOf = (code) => data.reasons.find((r) => r.code === code)?.label ?? code;
  const part = (title, ...children) => el("section", {}, el("h3", {}, ...(Array.isArray(title) ? title : [title])), ...children);

  // A phrase that names the class of an object is tied to the objects of that class.
  const phrases = (image) => {
    const classes = [...new Set([...image.truth, ...image.prediction].map((o) => classOf(o.desc)))].filter(Boolean).sort((a, b) => b.length - a.length);
    if (!classes.length) return [image.summary];
    return image.summary.split(SEPARATORS).map((text) => {
      const found = classes.find((name) => text.includes(name));
      return found ? el("mark", { "data-object": `${image.number}/${found}` }, text) : text;
    });
  };
  const said = (ticket) => {
    const list = el("ol", { class: "desk-said" });
    for (const image of ticket.images) {
      const text = image.summary ? phrases(image) : [el("span", { class: "faint" }, words("no_summary"))];
      const line = el("li", { "data-number": image.number }, el("span", { class: "n" }, String(image.number)), el("span", {}, ...text));
      line.addEventListener("click", () => window.gh.desk.stage.toNumber(image.number));
      list.append(line);
    }
    return list;
  };
  // Which guidance the verdict was made with, and what of it comes from this person's decisions.
  const guidance = ({ step, yours, rules }) => {
    const line = el("p", { class: "small muted" }, words("guidance_step", { n: step }), " · ", words(rules.length === 1 ? "guidance_rule" : "guidance_rules", { n: rules.length }));
    if (yours) line.append(" · ", el("a", { href: data.yours }, words(yours === 1 ? "guidance_yours_one" : "guidance_yours", { n: yours })));
    return line;
  };
  const checklist = (ticket) => {
    const box = el("div", { class: "desk-checklist" });
    const name = `${ticket.run}|${ticket.mission}|${ticket.guidance_step}`;
    const fill = (found) => {
      if (!found.checklist.length) { box.replaceChildren(el("p", { class: "muted" }, words("no_checklist"))); return; }
      const lines = found.checklist.length === 1 ? el("p", {}, found.checklist[0]) : el("ol", { class: "desk-check" }, ...found.checklist.map((line) => el("li", {}, line)));
      box.replaceChildren(lines, ...(found.step === null || found.step === undefined ? [] : [guidance(found)]));
    };
    if (checklists.has(name)) fill(checklists.get(name));
    else window.gh.request(`${data.pages}tickets/${ticket.id}/checklist/`).then(async (answer) => {
      if (!answer.ok) { fill({ checklist: [] }); return; }
      const found = await answer.json();
      checklists.set(name, found);
      fill(found);
    }).catch(() => fill({ checklist: [] }));
    return box;
  };
  const model = (ticket) => {
    if (ticket.blind) return part([icon("blind"), words("model_says")], el("p", { class: "muted" }, words("blind")));
    if (!ticket.model) return part(words("model_says"), el("p", { class: "muted" }, words("model_none")));
    const { verdict, reason, margin, warnings } = ticket.model;
    const line = el("div", { class: "desk-verdicts" }, el("span", {}, chip(verdict), el("span", { class: "small muted" }, words("model_says"))));
    if (ticket.label) line.append(el("span", {}, chip(ticket.label), el("span", { class: "small muted" }, words("on_record"))));
    if (margin !== null) line.append(el("span", { class: "small muted" }, words("votes", { n: Math.round(100 * margin) })));
    const tags = warnings.map((w) => el("span", { class: "tag" }, data.words[`code_${w}`] ?? w));
    return el("section", {}, line, el("p", {}, reason), ...(tags.length ? [el("div", { class: "row-gap" }, ...tags)] : []));
  };
  const why = (ticket) => {
    if (!ticket.why) return ticket.blind ? [] : [];
    const rows = [el("p", {}, words(`why_${ticket.kind}`))];
    if (ticket.why.text) rows.push(el("p", { class: "small muted" }, ticket.why.text));
    return rows;
  };
  const two = (ticket) => {
    const rows = (ticket.reviews ?? []).filter((r) => r.active && (r.role === "first" || r.role === "second"));
    return el("div", { class: "desk-two" }, ...rows.map((review) => el("div", {},
      el("div", { class: "who" }, icon("user"), words("says", { name: review.reviewer })),
      el("div", {}, chip(review.decision)),
      el("div", { class: "row-gap" }, ...review.reasons.map((code) => el("span", { class: "tag" }, labelOf(code)))),
      el("p", { class: review.comment ? "" : "faint small" }, review.comment || words("no_comment")))));
  };
  const value = (field, ticket) => {
    if (field === "images") return ticket.images.map((i) => i.name).join(", ");
    if (field === "summaries") return ticket.images.map((i) => `${i.number} ${i.summary}`).join(" · ");
    if (field === "evidence") return (ticket.evidence ?? []).map((e) => e.ticket_key).join(", ");
    if (field === "label" || field === "mission") return ticket[field] ?? "";
    if (field === "model_verdict") return ticket.model ? words(`decision_${ticket.model.verdict}`) : "";
    return field === "model_reason" ? ticket.model?.reason ?? "" : "";
  };
  const diff = (before, now) => {
    const rows = [];
    for (const field of ["images", "summaries", "model_verdict", "model_reason", "label", "evidence", "mission"]) {
      const [old, fresh] = [value(field, before), value(field, now)];
      if (old === fresh) continue;
      rows.push(el("dt", {}, words(`part_${field}`)), el("dd", {}, el("del", {}, el("span", { class: "sr" }, words("before")), old || "–"), " → ", el("ins", {}, el("span", { class: "sr" }, words("after")), fresh || "–")));
    }
    return el("div", { class: "desk-diff" }, el("strong", {}, words("changed_here", { key: nameOf(now) })), el("dl", {}, ...rows));
  };

  const show = (ticket) => {
    const adjudicating = data.queue === "adjudication";
    const parts = [];
    if (ticket.was) parts.push(diff(ticket.was, ticket));
    parts.push(el("section", {}, el("h2", {}, words(adjudicating ? "question_conflict" : "question", { key: nameOf(ticket) })), el("div", { class: "small muted" }, ticket.mission || "")));
    if (adjudicating && ticket.reviews) parts.push(two(ticket));
    parts.push(checklist(ticket));
    const reasons = why(ticket);
    if (reasons.length) parts.push(el("section", {}, ...reasons));
    parts.push(model(ticket));
    if (ticket.images.length) parts.push(said(ticket));
    const box = at("told");
    box.replaceChildren(...parts);
    box.scrollTop = 0;
    at("answer").hidden = false;
  };
  const here = (image) => {
    for (const line of root.querySelectorAll(".desk-said li")) line.classList.toggle("here", image !== undefined && !image.twin && Number(line.dataset.number) === image.number);
  };

  const reasonsFor = (decision) => data.reasons.filter((r) => r.for.includes(decision));
  const reasons = (decision, chosen, need, choose) => {
    const head = need === "override" ? words("need_reason_override") : need ? words("need_reason", { decision: words(`decision_${decision}`) }) : words("reasons_for", { decision: words(`decision_${decision}`) });
    at("reasons-head").textContent = head;
    at("answer").classList.toggle("need", Boolean(need));
    at("reasons").replaceChildren(...reasonsFor(decision).map((reason, index) => {
      const button = el("button", { class: "btn", type: "button", title: reason.label, "aria-pressed": String(chosen.has(reason.code)) }, ...(index < 9 ? [el("kbd", {}, String(index + 1))] : []), el("span", { class: "cut" }, reason.label));
      button.addEventListener("click", (event) => { choose(reason.code); if (event.detail > 0) document.activeElement.blur(); });
      return button;
    }));
  };

  window.gh.desk.panel = { nameOf, show, here, reasons, reasonsFor, chip, labelOf, at };
})();
