// The augmentation of a record: sliders and the ops' text change the picture in place.
(() => {
  const box = document.querySelector("[data-augment]");
  if (!box) return;
  const { say, request, debounce, Editor } = window.gh;
  const editor = new Editor(box.querySelector("[data-editor]"));
  const told = box.querySelector("[data-told]");
  const state = box.querySelector("[data-state]");
  const after = box.querySelector("[data-after]");
  const preset = box.querySelector("[data-preset]");
  const use = box.querySelector("[data-use]");
  const LONGEST_LINK = 4000;
  const values = {};
  let turn = 0;
  let ownText = new URLSearchParams(location.search).has("ops");

  const write = (input) => {
    const out = box.querySelector(`[data-out="${input.dataset.set}"]`);
    out.textContent = out.dataset.per ? `${Number(input.value) / Number(out.dataset.per)} %` : input.value;
    values[input.dataset.set] = Number(input.value);
  };
  for (const input of box.querySelectorAll("[data-set]")) write(input);

  const remember = () => {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(values)) { if (value) query.set(name, value); else query.delete(name); }
    query.delete("ops");
    if (preset.value) query.set("preset", preset.value); else query.delete("preset");
    if (ownText && editor.text.length <= LONGEST_LINK) query.set("ops", editor.text);
    history.replaceState(null, "", `?${query}`);
    // The links to the records beside this one carry the same settings.
    for (const link of document.querySelectorAll("a[data-previous], a[data-next]")) {
      const url = new URL(link.href);
      for (const name of ["tab", "preset", "ops", "seed", "epoch", "position"]) {
        if (query.has(name)) url.searchParams.set(name, query.get(name)); else url.searchParams.delete(name);
      }
      link.href = url;
    }
  };
  // The new picture is loaded before it takes the place of the old one, so nothing jumps.
  const show = async (made) => {
    const picture = new Image();
    picture.src = made.image;
    await picture.decode();
    const shot = after.querySelector("[data-shot]");
    shot.dataset.width = made.width;
    shot.dataset.height = made.height;
    let data = shot.querySelector("script");
    if (!data) { data = document.createElement("script"); data.type = "application/json"; shot.append(data); }
    data.textContent = JSON.stringify(made.objects);
    const img = shot.querySelector("img");
    img.src = made.image;
    img.width = made.width;
    img.height = made.height;
    after.querySelector("[data-size]").textContent = ` · ${made.width} × ${made.height}`;
    window.gh.drawShot(shot);
  };
  const ask = async () => {
    const mine = ++turn;
    state.textContent = say("checking");
    remember();
    try {
      const answer = await request(box.dataset.url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text: editor.text, ...values }) });
      if (!answer.ok) throw new Error(answer.statusText);
      const data = await answer.json();
      if (mine !== turn) return;
      editor.show(data.problems);
      const bad = data.problems.length > 0;
      after.classList.toggle("stale", bad || Boolean(data.refusal));
      told.classList.toggle("stale", bad);
      if (!bad) told.innerHTML = data.told;
      if (use) {
        use.href = `${use.dataset.launchUrl}?${new URLSearchParams({ kind: "sft", text: data.run_text })}`;
        use.setAttribute("aria-disabled", String(!data.run_text));
      }
      if (data.after) await show(data.after);
      if (mine === turn) state.textContent = "";
    } catch {
      if (mine === turn) state.textContent = say("check_unreachable");
    }
  };
  const soon = debounce(90, ask);
  box.addEventListener("input", (event) => {
    const input = event.target.closest("[data-set]");
    if (!input) return;
    write(input);
    soon();
  });
  editor.area.addEventListener("input", debounce(350, () => { ownText = true; preset.value = ""; ask(); }));
  preset.addEventListener("change", () => {
    if (!preset.value) return;
    const query = new URLSearchParams(location.search);
    query.delete("ops");
    query.set("preset", preset.value);
    location.search = query;
  });
  // Left and right are the seed here, not the record beside.
  document.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const slider = box.querySelector("[data-set=seed]");
    slider.value = Number(slider.value) + by;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }, true);
  editor.show(JSON.parse(document.getElementById("first-problems").textContent));
  remember();
})();
