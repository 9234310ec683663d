// The image browser: any number of images, only the ones in view in the document. The address
// holds filters, size of tiles and position, so refresh, back and a shared link show the same.
(() => {
  const root = document.querySelector("[data-browser]");
  if (!root) return;
  const { el, request, debounce } = window.gh;
  const words = JSON.parse(document.getElementById("browser-words").textContent);
  const say = (name, values = {}) => words[name].replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
  const find = (name) => root.querySelector(`[data-${name}]`);
  const scroll = find("scroll");
  const canvas = find("canvas");
  const form = root.querySelector("form");
  const classes = root.dataset.classes ? root.dataset.classes.split("|") : [];
  const format = new Intl.NumberFormat(root.dataset.language);

  const FIELDS = ["text", "split", "objects", "side"];
  const MANY = ["class", "attribute", "geometry", "negative"];
  const FLAGS = ["near", "leaked"];
  const WIDTHS = { s: 118, m: 184, l: 300 };
  const PREVIEW = { s: 160, m: 320, l: 640 };
  const LINE = 22; // the line below the image
  const PAD = 10;
  const CHUNK = 60; // records asked for at once
  const KEPT = 40; // chunks kept
  const MARGIN = 2; // rows kept outside the view
  const SHAPE = 3 / 4; // height of the box in which an image is fitted
  const STILL_MS = 70; // a tile loads its image once it has been there that long

  let params = new URLSearchParams(location.search);
  let size = "m";
  let total = Number(root.dataset.total);
  let here = 0; // the tile that the keyboard is at
  let turn = 0; // grows with every filter: answers to older questions are dropped
  const chunks = new Map();
  const asked = new Map();
  const tiles = new Map();

  // What is asked
  const filterOf = (from) => {
    const out = new URLSearchParams();
    for (const name of [...FIELDS, ...MANY, ...FLAGS]) for (const value of from.getAll(name)) if (value) out.append(name, value);
    return out;
  };
  const ask = async (url, more, options) => {
    const query = filterOf(params);
    for (const [name, value] of Object.entries(more)) query.set(name, value);
    const answer = await request(`${url}?${query}`, options);
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.detail ?? answer.statusText);
    return body;
  };
  const failed = (text) => {
    find("failed").hidden = !text;
    find("failed").querySelector("div").textContent = text;
  };

  // Geometry of the grid
  let columns = 1;
  let cell = 200;
  let row = 200;
  const measure = () => {
    const width = scroll.clientWidth - 2;
    columns = Math.max(1, Math.floor(width / WIDTHS[size]));
    cell = Math.floor(width / columns);
    row = Math.round((cell - PAD) * SHAPE) + LINE + PAD;
    canvas.style.height = `${Math.ceil(total / columns) * row}px`;
  };
  const visible = () => {
    const first = Math.max(0, Math.floor(scroll.scrollTop / row) - MARGIN) * columns;
    const last = (Math.ceil((scroll.scrollTop + scroll.clientHeight) / row) + MARGIN) * columns;
    return [first, Math.min(total, last)];
  };
  const place = (node, index) => {
    node.style.width = `${cell}px`;
    node.style.height = `${row}px`;
    node.style.transform = `translate(${(index % columns) * cell}px, ${Math.floor(index / columns) * row}px)`;
  };

  // Tiles
  const recordUrl = (item) => {
    const query = filterOf(params).toString();
    return root.dataset.recordPage.replace(/\/0\/$/, `/${item.key}/`) + (query ? `?${query}` : "");
  };
  const fit = (item) => {
    const width = cell - PAD;
    const height = Math.round(width * SHAPE);
    const scale = Math.min(width / item.width, height / item.height);
    return [Math.max(2, Math.round(item.width * scale)), Math.max(2, Math.round(item.height * scale))];
  };
  const fill = (tile, index) => {
    const item = itemAt(index);
    if (!item || tile.item === item) return;
    tile.item = item;
    const { node } = tile;
    node.href = recordUrl(item);
    const box = el("div", { class: "frame-box", "data-shot": "", "data-width": item.width, "data-height": item.height, "data-name": `tile-${item.place}` });
    const [width, height] = fit(item);
    box.style.width = `${width}px`;
    box.style.height = `${height}px`;
    const image = el("img", { alt: item.id, decoding: "async" });
    image.addEventListener("load", () => image.classList.add("there"), { once: true });
    box.append(image);
    tile.image = image;
    tile.timer = setTimeout(() => { image.src = `${item.image}?size=${PREVIEW[size]}`; }, STILL_MS);
    node.replaceChildren(
      el("div", { class: "shot" }, box),
      el("span", { class: "tile-line" }, el("span", { class: "cut mono" }, item.id), el("span", { class: "faint nowrap" }, `${item.split} · ${item.n_objects}`)),
    );
    window.gh.drawShot(box, { truth: item.objects });
    if (index === here) { node.tabIndex = 0; detail(item); }
  };
  const make = (index) => {
    const node = el("a", { class: "tile", role: "listitem", tabindex: index === here ? "0" : "-1", "data-index": index, "aria-setsize": total, "aria-posinset": index + 1 });
    if (index === here) node.classList.add("here");
    const tile = { node, item: null, timer: 0, image: null };
    place(node, index);
    tiles.set(index, tile);
    canvas.append(node);
    return tile;
  };
  const drop = (index, tile) => {
    clearTimeout(tile.timer);
    tile.image?.removeAttribute("src"); // ends a download that nobody waits for
    tile.node.remove();
    tiles.delete(index);
  };
  const render = () => {
    const [first, last] = visible();
    const focused = canvas.contains(document.activeElement);
    for (const [index, tile] of tiles) if (index < first || index >= last) drop(index, tile);
    for (let index = first; index < last; index++) fill(tiles.get(index) ?? make(index), index);
    if (focused && !canvas.contains(document.activeElement)) scroll.focus({ preventScroll: true });
    want(first, last);
  };

  // Records, in chunks around the view
  const itemAt = (index) => chunks.get(Math.floor(index / CHUNK))?.[index % CHUNK];
  const fetchChunk = async (number) => {
    const mine = turn;
    const stop = new AbortController();
    asked.set(number, stop);
    try {
      const body = await ask(root.dataset.window, { first: number * CHUNK, count: CHUNK }, { signal: stop.signal });
      if (mine !== turn) return;
      chunks.set(number, body.items);
      if (chunks.size > KEPT) chunks.delete(chunks.keys().next().value);
      failed("");
      if (body.total !== total) { total = body.total; measure(); count(); }
      for (const [index, tile] of tiles) if (Math.floor(index / CHUNK) === number) fill(tile, index);
    } catch (error) {
      if (error.name !== "AbortError" && mine === turn) failed(error.message || say("failed"));
    } finally {
      if (asked.get(number) === stop) asked.delete(number);
    }
  };
  const wanted = debounce(40, () => {
    const [first, last] = visible();
    const from = Math.floor(first / CHUNK);
    const to = Math.floor(Math.max(first, last - 1) / CHUNK);
    for (const [number, stop] of asked) if (number < from - 1 || number > to + 1) { stop.abort(); asked.delete(number); }
    for (let number = from; number <= to && number * CHUNK < total; number++) if (!chunks.has(number) && !asked.has(number)) fetchChunk(number);
  });
  const want = (first, last) => {
    for (let index = first; index < last; index += 1) if (!itemAt(index)) { wanted(); return; }
  };

  // The address
  const address = () => {
    const query = filterOf(params);
    if (size !== "m") query.set("tiles", size);
    const at = Math.floor(scroll.scrollTop / row) * columns;
    if (at > 0) query.set("at", String(at));
    const text = query.toString();
    return location.pathname + (text ? `?${text}` : "");
  };
  const keep = debounce(180, () => history.replaceState(null, "", address()));
  const goTo = (index) => { scroll.scrollTop = Math.floor(index / columns) * row; };

  const load = async (at) => {
    turn += 1;
    for (const stop of asked.values()) stop.abort();
    asked.clear();
    chunks.clear();
    for (const [index, tile] of tiles) drop(index, tile);
    const mine = turn;
    root.setAttribute("aria-busy", "true");
    facets(mine);
    try {
      const first = Math.floor(at / CHUNK);
      const body = await ask(root.dataset.window, { first: first * CHUNK, count: CHUNK });
      if (mine !== turn) return;
      chunks.set(first, body.items);
      total = body.total;
      here = Math.min(at, Math.max(0, total - 1));
      failed("");
    } catch (error) {
      if (mine !== turn) return;
      total = 0;
      failed(error.message || say("failed"));
    }
    root.setAttribute("aria-busy", "false");
    measure();
    count();
    goTo(here);
    render();
  };
  const count = () => {
    const all = Number(root.dataset.total);
    find("count").textContent = say(total === all ? "all" : "count", { n: format.format(total), total: format.format(all) });
    find("empty").hidden = total > 0;
    canvas.hidden = total === 0;
  };
  const refilter = () => {
    history.pushState(null, "", (() => { scroll.scrollTop = 0; return address(); })());
    show();
    load(0);
  };

  // Filters
  const show = () => {
    for (const name of FIELDS) { const input = form.elements[name]; if (input !== document.activeElement || name === "split") input.value = params.get(name) ?? ""; }
    for (const button of root.querySelectorAll("[data-tiles]")) button.setAttribute("aria-pressed", String(button.dataset.tiles === size));
    const chosen = find("chosen");
    chosen.replaceChildren();
    for (const name of [...MANY, ...FLAGS]) for (const value of params.getAll(name)) {
      const text = titleOf(name, value);
      const button = el("button", { class: "tag", type: "button", "aria-label": say("remove", { name: text }) }, el("span", { class: "cut" }, text), " ×");
      button.addEventListener("click", () => { toggle(name, value); });
      chosen.append(button);
    }
    find("clear").hidden = filterOf(params).toString() === "";
  };
  const titleOf = (name, value) => {
    if (name === "near") return say("near");
    if (name === "leaked") return say("leak");
    if (name === "negative") return value === "*" ? say("negative") : `${value}: ${say("negative")}`;
    if (name === "geometry") return words[value] ?? value;
    return value.replace("|", ": ");
  };
  const toggle = (name, value) => {
    const values = params.getAll(name);
    params.delete(name);
    for (const old of values) if (old !== value) params.append(name, old);
    if (!values.includes(value)) params.append(name, value);
    refilter();
  };
  const typed = () => {
    const before = filterOf(params).toString();
    for (const name of FIELDS) {
      const value = form.elements[name].value.trim();
      if (value && form.elements[name].checkValidity()) params.set(name, value); else params.delete(name);
    }
    if (filterOf(params).toString() !== before) refilter();
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); typed(); });
  form.addEventListener("change", typed);
  form.elements.text.addEventListener("input", debounce(250, typed));
  find("clear").addEventListener("click", () => { params = new URLSearchParams(); refilter(); });
  for (const button of root.querySelectorAll("[data-tiles]")) button.addEventListener("click", () => {
    const at = Math.floor(scroll.scrollTop / row) * columns;
    size = button.dataset.tiles;
    for (const [index, tile] of tiles) drop(index, tile);
    measure();
    goTo(at);
    show();
    render();
    keep();
  });

  // Facets
  const facetButton = (name, facet, text, css = "") => {
    const on = params.getAll(name).includes(facet.value);
    const number = classes.indexOf(facet.label);
    const mark = name === "class" && number >= 0 ? el("span", { class: `dot c${(number % 8) + 1}` }) : el("span", {}, on ? "✓" : "");
    const n = facet.matching === facet.images ? format.format(facet.images) : `${format.format(facet.matching)} / ${format.format(facet.images)}`;
    const button = el("button", { class: `facet ${css}`, type: "button", "aria-pressed": String(on), title: text }, mark, el("span", { class: facet.matching ? "cut" : "cut none" }, text), el("span", { class: "num" }, n));
    button.addEventListener("click", () => toggle(name, facet.value));
    return button;
  };
  const head = (text) => el("div", { class: "facet-head" }, text);
  const facets = async (mine) => {
    let body;
    try { body = await ask(root.dataset.facets, {}); } catch { return; } // the images say what is wrong
    if (mine !== turn) return;
    const by = {};
    for (const facet of body.facets) (by[facet.kind] ??= []).push({ ...facet, value: facet.label });
    const box = find("facet-list");
    const top = box.scrollTop;
    box.replaceChildren();
    if (by.class) box.append(head(say("classes")), ...by.class.map((f) => facetButton("class", f, f.label)));
    const chosen = new Set(params.getAll("class").concat(params.getAll("attribute").map((label) => label.split("|")[0])));
    if (by.class?.length === 1) chosen.add(by.class[0].label);
    for (const name of chosen) {
      const own = (by.attribute ?? []).filter((f) => f.label.startsWith(`${name}|`));
      if (!own.length) continue;
      box.append(head(say("attributes", { name })));
      let key = "";
      for (const facet of own.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : b.images - a.images))) {
        if (keyOf(facet) !== key) { key = keyOf(facet); box.append(el("div", { class: "facet-key" }, key)); }
        box.append(facetButton("attribute", facet, facet.label.slice(facet.label.indexOf("=") + 1), "sub"));
      }
    }
    if (by.negative) box.append(head(say("negative")), ...by.negative.map((f) => facetButton("negative", f, f.label === "*" ? say("negative_any") : f.label)));
    if (by.near || by.leak) box.append(head(say("special")));
    if (by.near) box.append(facetButton("near", { ...by.near[0], value: "1" }, say("near")));
    if (by.leak) box.append(facetButton("leaked", { ...by.leak[0], value: "1" }, say("leak")));
    if (by.geometry?.length > 1) box.append(head(say("geometry")), ...by.geometry.map((f) => facetButton("geometry", f, words[f.label] ?? f.label)));
    box.scrollTop = top;
  };
  const keyOf = (facet) => facet.label.slice(facet.label.indexOf("|") + 1, facet.label.indexOf("="));

  // The image under the pointer or the keyboard: its objects, lit together with their outlines
  let shown = null;
  const detail = (item) => {
    if (!item || shown === item) return;
    shown = item;
    find("detail-name").textContent = item.id;
    find("detail-note").textContent = `${item.split} · ${item.width} × ${item.height} px`;
    const list = find("detail-list");
    list.replaceChildren(...item.objects.map((object, index) => {
      const first = object.desc.split(",")[0];
      const name = first.includes("=") ? first.slice(first.indexOf("=") + 1) : object.desc;
      const number = classes.indexOf(name);
      return el("li", { tabindex: "0", "data-object": `tile-${item.place}/truth-${index}`, title: object.desc }, el("span", { class: `dot c${number < 0 ? 8 : (number % 8) + 1}` }), el("span", {}, name, object.desc === name ? "" : el("div", { class: "small muted" }, object.desc.slice(first.length + 1))));
    }));
    if (!item.objects.length) list.append(el("li", { class: "muted" }, say("no_objects")));
  };
  root.dataset.record = ""; // outlines and list light each other within the browser
  canvas.addEventListener("mouseover", (event) => {
    const index = event.target.closest("[data-index]")?.dataset.index;
    if (index !== undefined) detail(itemAt(Number(index)));
  });

  // Keyboard
  const stand = (index) => {
    if (!total) return;
    const old = tiles.get(here);
    if (old) { old.node.tabIndex = -1; old.node.classList.remove("here"); }
    here = Math.min(total - 1, Math.max(0, index));
    const top = Math.floor(here / columns) * row;
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    if (top + row > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + row - scroll.clientHeight;
    render();
    const { node, item } = tiles.get(here);
    node.tabIndex = 0;
    node.classList.add("here");
    node.focus({ preventScroll: true });
    detail(item);
  };
  const inView = () => canvas.contains(document.activeElement) || document.activeElement === scroll;
  const perPage = () => Math.max(1, Math.floor(scroll.clientHeight / row)) * columns;
  const acts = {
    j: () => stand(inView() ? here + 1 : here), k: () => stand(inView() ? here - 1 : here),
    ArrowRight: () => stand(here + 1), ArrowLeft: () => stand(here - 1),
    ArrowDown: () => stand(here + columns), ArrowUp: () => stand(here - columns),
    PageDown: () => stand(here + perPage()), PageUp: () => stand(here - perPage()),
    Home: () => stand(0), End: () => stand(total - 1),
    "/": () => form.elements.text.focus(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, textarea, select")) {
      if (event.key === "Escape") { event.preventDefault(); event.target.blur(); stand(here); } // by itself it would empty the search
      return;
    }
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || (event.key.length > 1 && !inView() && document.activeElement !== document.body)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }, true);
  canvas.addEventListener("focusin", (event) => {
    const index = event.target.closest("[data-index]")?.dataset.index;
    if (index !== undefined && Number(index) !== here) {
      tiles.get(here)?.node.classList.remove("here");
      here = Number(index);
      tiles.get(here).node.classList.add("here");
    }
    if (index !== undefined) detail(itemAt(Number(index)));
  });

  // Start, scrolling, resizing, going back
  let frame = 0;
  scroll.addEventListener("scroll", () => {
    if (!frame) frame = requestAnimationFrame(() => { frame = 0; render(); });
    keep();
  }, { passive: true });
  let wide = 0;
  new ResizeObserver(() => {
    if (scroll.clientWidth === wide && wide) { render(); return; }
    const at = Math.floor(scroll.scrollTop / row) * columns;
    const first = !wide;
    wide = scroll.clientWidth;
    measure();
    for (const [index, tile] of tiles) drop(index, tile);
    if (!first) goTo(at);
    render();
  }).observe(scroll);
  const begin = () => {
    params = new URLSearchParams(location.search);
    size = params.get("tiles") in WIDTHS ? params.get("tiles") : "m";
    show();
    load(Math.max(0, Number.parseInt(params.get("at") ?? "0", 10) || 0));
  };
  window.addEventListener("popstate", begin);
  begin();
})();
