// The images of the ticket on the desk: a grid of at most nine, or one image with a film strip;
// zoom with keys, wheel and dragging; objects drawn over them; images of tickets to come, decoded
// before they are needed.
(() => {
  const { el, icon } = window.gh;
  const { data } = window.gh.desk;
  const root = document.getElementById("desk");
  const at = (name) => root.querySelector(`[data-at="${name}"]`);
  const words = (name, values = {}) => (data.words[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
  const GRID = 9;
  const MOST_ZOOM = 12;
  const kept = new Map(); // "ticket/number/size" -> <img>, decoded or on its way

  const classOf = (desc) => {
    const first = (desc ?? "").split(",")[0];
    return first.includes("=") ? first.slice(first.indexOf("=") + 1) : first;
  };
  // Objects and phrases of one class of one image light each other.
  const linked = (image) => {
    const link = (o) => ({ ...o, link: `${image.number}/${classOf(o.desc)}` });
    return { truth: image.truth.map(link), prediction: image.prediction.map(link) };
  };
  const shownImages = (ticket) => {
    const out = [];
    const twins = new Map();
    for (const other of ticket.evidence ?? []) twins.set(other.image, [...(twins.get(other.image) ?? []), other]);
    const pairs = ticket.images.filter((i) => twins.has(i.number)); // first, so that they stand side by side
    for (const image of [...pairs, ...ticket.images.filter((i) => !twins.has(i.number))]) {
      out.push({ ...image, alike: twins.has(image.number) });
      for (const other of twins.get(image.number) ?? []) out.push({ number: other.number, name: other.ticket_key, missing: !other.sha256, truth: [], prediction: [], predicted_by: "", summary: "", twin: other, thumb: other.thumb, preview: other.preview, large: other.large, original: other.original });
    }
    return out;
  };

  const picture = (ticket, image, size) => {
    const name = `${ticket.id}/${image.number}/${size}`;
    const found = kept.get(name);
    if (found && !found.dataset.failed) return found;
    const img = el("img", { alt: image.name, decoding: "async", draggable: "false" });
    img.src = image[size];
    img.addEventListener("error", () => { img.dataset.failed = "1"; });
    kept.set(name, img);
    return img;
  };
  const prefetch = (tickets) => {
    const wanted = new Set();
    tickets.forEach((ticket, place) => {
      const images = shownImages(ticket);
      const size = images.length > GRID ? "thumb" : "preview";
      for (const image of images.filter((i) => !i.missing).slice(0, GRID)) {
        wanted.add(`${ticket.id}/`);
        picture(ticket, image, size).decode().catch(() => {});
      }
      if (images.length > GRID || images.length === 1) picture(ticket, images[0], "preview").decode().catch(() => {});
      if (place < 2 && images[0] && !images[0].missing && images.length === 1) picture(ticket, images[0], "large").decode().catch(() => {});
    });
    for (const name of kept.keys()) if (![...wanted].some((w) => name.startsWith(w)) && !name.startsWith(`${current?.id}/`)) kept.delete(name);
  };

  let current = null;
  let images = [];
  let here = 0;
  let single = false;
  let zoom = { scale: 1, x: 0, y: 0 };
  let onHere = () => {};

  const drawOver = (shot, image) => {
    if (!image.width || !image.height || !(image.truth.length || image.prediction.length)) return;
    shot.dataset.width = image.width;
    shot.dataset.height = image.height;
    window.gh.drawShot(shot, linked(image));
  };
  const lost = () => el("div", { class: "lost" }, icon("broken"), words("missing"));
  const tile = (image, index, size) => {
    const shot = el("div", { class: "shot", "data-labels": "" });
    const node = el("figure", { class: `desk-tile${image.twin || image.alike ? " twin" : ""}`, "data-index": index, tabindex: "0", role: "group", "aria-label": `${words("image_n", { n: image.number })}: ${image.name}` }, image.missing ? lost() : shot);
    const line = image.twin ? `${words("reused_in", { key: image.twin.ticket_key.split("::")[0] })} · ${words("bits", { n: image.twin.distance })}` : String(image.number);
    const caption = el("figcaption", {}, el("span", { class: "cut" }, line));
    if (image.twin) caption.prepend(icon("twice"));
    node.append(caption);
    if (!image.missing) {
      const img = picture(current, image, size);
      img.alt = image.name;
      shot.append(img);
    }
    return [node, shot];
  };

  const columns = (n) => (n <= 1 ? "n1" : n === 2 ? "n2" : n === 3 ? "n3" : n === 4 ? "n4" : n <= 6 ? "n6" : "n9");
  const grid = () => {
    const box = at("images");
    box.className = `desk-images ${columns(images.length)}`;
    const made = images.map((image, index) => tile(image, index, "preview"));
    box.replaceChildren(...made.map(([node]) => node));
    made.forEach(([, shot], index) => drawOver(shot, images[index]));
    at("film").hidden = true;
  };
  const transform = () => {
    const shot = at("images").querySelector(".desk-one .shot");
    if (!shot) return;
    shot.style.transform = `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})`;
    for (const label of shot.querySelectorAll("text")) label.style.fontSize = `${Number(label.getAttribute("font-size")) / zoom.scale}px`;
  };
  const one = () => {
    const box = at("images");
    const image = images[here];
    const large = image.missing ? null : picture(current, image, "large");
    const ready = large?.complete && large.naturalWidth > 0;
    const [node, shot] = tile(image, here, ready ? "large" : images.length > GRID ? "thumb" : "preview");
    node.classList.add("desk-one");
    box.className = "desk-images n1";
    box.replaceChildren(node);
    drawOver(shot, image);
    if (large && !ready) {
      const turn = `${current.id}/${here}`;
      large.decode().then(() => { if (single && `${current?.id}/${here}` === turn) shot.querySelector("img").replaceWith(large); }).catch(() => {});
    }
    transform();
    film();
    const next = images[here + 1];
    if (next && !next.missing) picture(current, next, "large").decode().catch(() => {});
  };
  // Far in, a picture that was larger than what is served is asked for as it came.
  const LARGE = 2048;
  const ORIGINAL_FROM = 2.5;
  const sharper = () => {
    const image = images[here];
    const turn = `${current?.id}/${here}`;
    if (!single || image?.missing || zoom.scale < ORIGINAL_FROM || Math.max(image.width ?? 0, image.height ?? 0) <= LARGE) return;
    const whole = picture(current, image, "original");
    whole.decode().then(() => { const shown = at("images").querySelector(".desk-one img"); if (single && `${current?.id}/${here}` === turn && shown && shown !== whole) shown.replaceWith(whole); }).catch(() => {});
  };
  const film = () => {
    const strip = at("film");
    strip.hidden = images.length < 2;
    if (strip.hidden) return;
    if (strip.dataset.of !== String(current.id) || strip.children.length !== images.length) {
      strip.dataset.of = String(current.id);
      strip.replaceChildren(...images.map((image, index) => {
        const button = el("button", { type: "button", "data-index": index, tabindex: "-1", "aria-label": words("image_n", { n: image.number }) });
        if (!image.missing) {
          const small = el("img", { alt: "", loading: "lazy" });
          small.src = image.thumb;
          button.append(small);
        }
        button.append(el("span", {}, image.twin ? "≈" : String(image.number)));
        return button;
      }));
    }
    for (const button of strip.children) button.setAttribute("aria-current", String(Number(button.dataset.index) === here));
    strip.children[here]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const mark = () => {
    for (const node of at("images").querySelectorAll(".desk-tile")) node.classList.toggle("here", Number(node.dataset.index) === here);
    at("counter").textContent = images.length > 1 ? `${here + 1} / ${images.length}` : words("image_one");
    at("image-name").textContent = images[here]?.name ?? "";
    onHere(images[here]);
  };
  const render = () => {
    if (single) one(); else grid();
    mark();
  };
  const fit = () => { zoom = { scale: 1, x: 0, y: 0 }; };

  // Which sides there are to draw; what there is not is said, not left out.
  const drawn = () => {
    const truth = images.some((i) => i.truth.length);
    const prediction = images.some((i) => i.prediction.length);
    const by = images.find((i) => i.predicted_by)?.predicted_by;
    for (const [name, there] of [["truth", truth], ["prediction", prediction], ["both", truth && prediction], ["none", truth || prediction]]) root.querySelector(`[data-show-side="${name}"]`).disabled = !there;
    const said = prediction ? "" : by ? "drew_nothing" : truth ? "no_prediction" : "no_objects";
    at("drawn").textContent = said ? words(said) : "";
    at("drawn").title = said ? words(`${said}_why`) : "";
    root.querySelector("[data-show-side=prediction]").title = by ? words("predicted_by", { run: by }) : "";
  };

  const show = (ticket) => {
    current = ticket;
    images = shownImages(ticket);
    here = 0;
    single = images.length > GRID;
    fit();
    drawn();
    at("film").dataset.of = "";
    if (images.length) render();
    else { at("images").className = "desk-images n1"; at("images").replaceChildren(el("figure", { class: "desk-tile" }, lost())); at("film").hidden = true; at("counter").textContent = ""; at("image-name").textContent = ""; }
  };
  const choose = (index) => {
    if (!images.length) return;
    here = (index + images.length) % images.length;
    fit();
    if (single) render(); else mark();
  };
  const scaleAt = (factor, x, y) => {
    const scale = Math.min(MOST_ZOOM, Math.max(1, zoom.scale * factor));
    const by = scale / zoom.scale;
    zoom = scale === 1 ? { scale: 1, x: 0, y: 0 } : { scale, x: x - (x - zoom.x) * by, y: y - (y - zoom.y) * by };
    transform();
    sharper();
  };
  const middle = () => { const box = at("images").getBoundingClientRect(); return [box.width / 2, box.height / 2]; };
  const open = (index) => { here = index; single = true; fit(); render(); };
  const grids = () => images.length <= GRID && images.length > 1;
  const closer = () => { if (!single && images.length > 1) open(here); else { if (!single) open(here); scaleAt(1.5, ...middle()); } };
  const farther = () => { if (single && zoom.scale <= 1.001 && grids()) { single = false; render(); } else if (single) scaleAt(1 / 1.5, ...middle()); };
  const toFit = () => { if (single && zoom.scale <= 1.001 && grids()) { single = false; render(); } else { fit(); transform(); } };

  const box = at("images");
  box.addEventListener("wheel", (event) => {
    const node = event.target.closest(".desk-tile");
    if (!node || !images.length) return;
    event.preventDefault();
    if (!single) { if (event.deltaY < 0) open(Number(node.dataset.index)); return; }
    if (event.deltaY > 0 && zoom.scale <= 1.001) { if (grids()) { single = false; render(); } return; }
    const edge = box.getBoundingClientRect();
    scaleAt(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.clientX - edge.left, event.clientY - edge.top);
  }, { passive: false });
  let drag = null;
  box.addEventListener("pointerdown", (event) => {
    const node = event.target.closest(".desk-one");
    if (!node || event.button !== 0) return;
    drag = { id: event.pointerId, x: event.clientX - zoom.x, y: event.clientY - zoom.y, node };
    node.setPointerCapture(event.pointerId);
    node.classList.add("drag");
  });
  box.addEventListener("pointermove", (event) => {
    if (!drag || drag.id !== event.pointerId || zoom.scale === 1) return;
    zoom = { ...zoom, x: event.clientX - drag.x, y: event.clientY - drag.y };
    transform();
  });
  for (const type of ["pointerup", "pointercancel"]) box.addEventListener(type, () => { drag?.node.classList.remove("drag"); drag = null; });
  box.addEventListener("click", (event) => {
    const node = event.target.closest(".desk-tile");
    if (node && !single && images.length) open(Number(node.dataset.index));
  });
  box.addEventListener("focusin", (event) => {
    const node = event.target.closest(".desk-tile");
    if (node && Number(node.dataset.index) !== here && !single && images.length) { here = Number(node.dataset.index); mark(); }
  });
  at("film").addEventListener("click", (event) => {
    const button = event.target.closest("[data-index]");
    if (button) { choose(Number(button.dataset.index)); button.blur(); }
  });

  // Resolves when every image that is seen is decoded (or has failed).
  const painted = () => Promise.all([...box.querySelectorAll("img")].map((img) => img.decode().catch(() => {})));
  // Addresses last five minutes: newer ones are taken over, pictures that failed are asked again.
  const renew = (ticket) => {
    if (current?.id !== ticket.id) return;
    const failed = [...box.querySelectorAll("img")].some((img) => img.dataset.failed);
    const fresh = new Map(shownImages(ticket).map((i) => [i.number, i]));
    images = images.map((i) => ({ ...i, thumb: fresh.get(i.number)?.thumb, preview: fresh.get(i.number)?.preview, large: fresh.get(i.number)?.large, original: fresh.get(i.number)?.original }));
    if (failed) render();
  };

  window.gh.desk.words = words;
  window.gh.desk.classOf = classOf;
  window.gh.desk.stage = {
    show, prefetch, painted, renew, choose, closer, farther, toFit,
    next: () => choose(here + 1), previous: () => choose(here - 1),
    bare: (on) => root.classList.toggle("bare", on),
    toNumber: (number) => { const index = images.findIndex((i) => i.number === number && !i.twin); if (index >= 0) choose(index); },
    broken: () => [...box.querySelectorAll("img")].some((img) => img.dataset.failed),
    on: (act) => { onHere = act; },
  };
})();
