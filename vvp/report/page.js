// Pointing at a map, with mouse, finger or arrow keys, shows the nearest video. Text goes in as text only.
"use strict";
const REACH = 28; // pixels

function watch(map, labels, places) {
  const ring = map.appendChild(document.createElement("div"));
  const tip = map.appendChild(document.createElement("div"));
  ring.className = "ring";
  tip.className = "tip";
  tip.setAttribute("role", "status");
  ring.hidden = tip.hidden = true;
  let current = -1;

  function show(index) {
    current = index;
    ring.hidden = tip.hidden = index < 0;
    if (index < 0) return;
    const [title, views, cluster, thumb] = labels.points[index];
    tip.replaceChildren();
    if (thumb >= 0) {
      const image = tip.appendChild(document.createElement("img"));
      image.src = labels.thumbs[thumb];
      image.alt = "";
    }
    const text = tip.appendChild(document.createElement("div"));
    const name = text.appendChild(document.createElement("div"));
    name.className = "name";
    name.textContent = title;
    const facts = text.appendChild(document.createElement("div"));
    facts.textContent = (views === null ? "views unknown" : views + " views") + (cluster < 0 ? "" : " · cluster " + cluster);
    const width = map.clientWidth, height = map.clientHeight;
    const x = places[index][0] * width, y = places[index][1] * height;
    ring.style.left = x + "px";
    ring.style.top = y + "px";
    tip.style.left = Math.max(0, Math.min(x + 14, width - tip.offsetWidth)) + "px";
    const below = y + 14;
    tip.style.top = (below + tip.offsetHeight > height ? Math.max(0, y - 14 - tip.offsetHeight) : below) + "px";
  }

  function nearest(event) {
    const box = map.getBoundingClientRect();
    let best = -1, least = REACH * REACH;
    places.forEach(([x, y], index) => {
      const far = (x * box.width + box.left - event.clientX) ** 2 + (y * box.height + box.top - event.clientY) ** 2;
      if (far < least) [best, least] = [index, far];
    });
    show(best);
  }

  // The next point towards (dx, dy): near along that way, and little to its side.
  function step(dx, dy) {
    let best = current, least = Infinity;
    const [x, y] = places[current];
    places.forEach(([a, b], index) => {
      const along = (a - x) * dx + (b - y) * dy, aside = Math.abs((a - x) * dy) + Math.abs((b - y) * dx);
      if (index !== current && along > 1e-4 && along + 2 * aside < least) [best, least] = [index, along + 2 * aside];
    });
    show(best);
  }

  map.addEventListener("pointermove", nearest);
  map.addEventListener("pointerdown", nearest);
  map.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") show(-1); });
  map.addEventListener("focus", () => { if (current < 0 && map.matches(":focus-visible")) show(0); });
  map.addEventListener("blur", () => show(-1));
  map.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Escape") show(-1);
    if (!way) return;
    event.preventDefault();
    if (current < 0) show(0);
    else step(...way);
  });
}

const data = document.getElementById("map-data");
if (data) {
  const labels = JSON.parse(data.textContent);
  for (const map of document.querySelectorAll(".map")) watch(map, labels, labels.places[map.dataset.figure]);
}
