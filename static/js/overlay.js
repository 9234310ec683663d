// Objects drawn over their image: bbox, polygon and line, as truth, prediction or both.
// <div data-shot data-width data-height> <img> <script type="application/json">{truth, prediction}</script> </div>
(() => {
  const LABEL_PX = 11;
  const NS = "http://www.w3.org/2000/svg";
  const svg = (tag, attributes) => {
    const node = document.createElementNS(NS, tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const pairs = (flat) => {
    const out = [];
    for (let i = 0; i + 1 < flat.length; i += 2) out.push([flat[i], flat[i + 1]]);
    return out;
  };
  const classOf = (desc) => {
    const first = desc.split(",")[0];
    return first.includes("=") ? first.slice(first.indexOf("=") + 1) : desc;
  };
  const shape = (object) => {
    if (object.bbox_2d) {
      const [x1, y1, x2, y2] = object.bbox_2d;
      return svg("rect", { x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1) });
    }
    const points = pairs(object.poly ?? object.line ?? []).map((p) => p.join(",")).join(" ");
    return svg(object.poly ? "polygon" : "polyline", { points });
  };
  const corner = (object) => {
    if (object.bbox_2d) return [Math.min(object.bbox_2d[0], object.bbox_2d[2]), Math.min(object.bbox_2d[1], object.bbox_2d[3])];
    const points = pairs(object.poly ?? object.line ?? [0, 0]);
    return points.reduce((best, p) => (p[1] < best[1] ? p : best), points[0] ?? [0, 0]);
  };

  // `given` stands for the JSON block; data-name on the shot tells objects of several shots apart.
  const draw = (shot, given) => {
    const data = given ?? JSON.parse(shot.querySelector("script[type='application/json']")?.textContent || "{}");
    const prefix = shot.dataset.name ? `${shot.dataset.name}/` : "";
    const width = Number(shot.dataset.width);
    const height = Number(shot.dataset.height);
    if (!width || !height) return;
    shot.querySelector("svg.over")?.remove();
    const layer = svg("svg", { class: "over", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "xMidYMid meet", "aria-hidden": "true" });
    const classes = (shot.closest("[data-classes]")?.dataset.classes ?? "").split("|");
    for (const side of ["truth", "prediction"]) {
      const group = svg("g", { class: `side-${side}` });
      (data[side] ?? []).forEach((object, index) => {
        const item = svg("g", { class: "object", "data-object": object.link ?? `${prefix}${side}-${index}` });
        if (object.mark) item.classList.add(`m-${object.mark}`);
        const drawn = shape(object);
        if (classes.length > 1) {
          const place = classes.indexOf(classOf(object.desc));
          if (place >= 0) item.classList.add(`c${(place % 8) + 1}`);
        }
        const title = svg("title", {});
        title.textContent = object.confidence === undefined ? object.desc : `${object.desc} · ${object.confidence.toFixed(2)}`;
        item.append(drawn, title);
        if (shot.dataset.labels !== undefined) {
          const [x, y] = corner(object);
          const size = LABEL_PX * Math.max(width / (shot.clientWidth || width), height / (shot.clientHeight || height));
          const label = svg("text", { x: Math.min(x, width - size * 2), y: y < size * 1.4 ? y + size : y - size * 0.3, "font-size": size });
          label.textContent = classOf(object.desc);
          item.append(label);
        }
        group.append(item);
      });
      layer.append(group);
    }
    shot.append(layer);
  };

  const light = (box, name, on) => {
    for (const node of box.querySelectorAll(`[data-object="${CSS.escape(name)}"]`)) {
      node.classList.toggle("lit", on);
      node.closest("svg.over")?.classList.toggle("dim", on);
    }
  };
  for (const [type, on] of [["mouseover", true], ["mouseout", false], ["focusin", true], ["focusout", false]]) {
    document.addEventListener(type, (event) => {
      const hit = event.target.closest?.("[data-object]");
      const box = hit?.closest("[data-record]");
      if (box) light(box, hit.dataset.object, on);
    });
  }

  // G truth, P prediction, B both, H none: one choice for the whole page.
  const choose = (what) => {
    for (const stage of document.querySelectorAll("[data-stage]")) stage.dataset.show = what;
    for (const button of document.querySelectorAll("[data-show-side]")) button.setAttribute("aria-pressed", String(button.dataset.showSide === what));
    sessionStorage.setItem("overlay", what);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-show-side]");
    if (button) choose(button.dataset.showSide);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    if (!document.querySelector("[data-stage]")) return;
    const what = { G: "truth", P: "prediction", B: "both", H: "none" }[event.key.toUpperCase()];
    if (what && (event.shiftKey || event.key !== "g")) choose(what);
    if (event.key === "ArrowRight") document.querySelector("[data-next]")?.click();
    if (event.key === "ArrowLeft") document.querySelector("[data-previous]")?.click();
  });

  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { watcher.unobserve(entry.target); draw(entry.target); }
  }, { rootMargin: "300px" });
  const scan = (root) => { for (const shot of root.querySelectorAll("[data-shot]")) if (!shot.querySelector("svg.over")) watcher.observe(shot); };
  document.addEventListener("error", (event) => {
    if (event.target instanceof HTMLImageElement && event.target.closest("[data-shot]")) {
      event.target.closest("[data-shot]").classList.add("broken");
      event.target.alt = window.gh.say("no_image");
    }
  }, true);
  document.addEventListener("htmx:afterSwap", (event) => scan(event.target));
  document.addEventListener("region", (event) => scan(event.target));
  scan(document);
  choose(sessionStorage.getItem("overlay") ?? "both");
  window.gh.drawShot = draw;
})();
