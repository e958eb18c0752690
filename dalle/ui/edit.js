// The Edit tab's mask: painted on a canvas over the picture by mouse, finger or keyboard.
(() => {
  const STEP = 4; // canvas pixels that an arrow key moves the brush
  let from; // last point of the stroke in progress; undefined between strokes
  const cursor = { x: 0, y: 0 }; // position of the keyboard's brush
  let under; // the canvas that `cursor` belongs to

  const board = () => document.querySelector("#board canvas");
  const brush = () => Number(document.querySelector("#board input")?.value ?? 10);

  function at(event, canvas) {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * canvas.width,
      y: ((event.clientY - box.top) / box.height) * canvas.height,
    };
  }

  function stroke(canvas, start, end) {
    const pen = canvas.getContext("2d");
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = 2 * brush();
    pen.strokeStyle = getComputedStyle(canvas).color;
    pen.beginPath();
    pen.moveTo(start.x, start.y);
    pen.lineTo(end.x, end.y + 0.01); // a line of length 0 is not drawn
    pen.stroke();
  }

  // Place the ring that shows the keyboard's brush; on a new canvas it starts in the middle.
  function ring(canvas) {
    if (canvas !== under) Object.assign(cursor, { x: canvas.width / 2, y: canvas.height / 2 });
    under = canvas;
    const share = { "--x": cursor.x, "--y": cursor.y, "--brush": 2 * brush() };
    for (const [name, pixels] of Object.entries(share))
      canvas.parentElement.style.setProperty(name, `${(100 * pixels) / canvas.width}%`);
  }
  addEventListener("focusin", (event) => event.target.matches?.("#board canvas") && ring(event.target));

  addEventListener("pointerdown", (event) => {
    const canvas = event.target.closest?.("#board canvas");
    if (!canvas || event.button) return;
    canvas.setPointerCapture(event.pointerId);
    from = at(event, canvas);
    stroke(canvas, from, from);
  });
  addEventListener("pointermove", (event) => {
    const canvas = board();
    if (!from || !canvas) return;
    const to = at(event, canvas);
    stroke(canvas, from, to);
    from = to;
  });
  for (const over of ["pointerup", "pointercancel"]) addEventListener(over, () => (from = undefined));

  const ways = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
  addEventListener("keydown", (event) => {
    const canvas = event.target.closest?.("#board canvas");
    const way = ways[event.key];
    if (!canvas || !(way || event.key === " ")) return;
    event.preventDefault();
    const start = { ...cursor };
    if (way) {
      cursor.x = Math.min(canvas.width, Math.max(0, cursor.x + way[0]));
      cursor.y = Math.min(canvas.height, Math.max(0, cursor.y + way[1]));
    }
    if (!way || event.shiftKey) stroke(canvas, start, cursor);
    ring(canvas);
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#board button")) return;
    const canvas = board();
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  });

  // The mask as the data URL of a PNG file, opaque where painted; "" if nothing was painted.
  window.dalle.mask = () => {
    const canvas = board();
    if (!canvas) return "";
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 3; at < data.length; at += 4) if (data[at] > 127) return canvas.toDataURL("image/png");
    return "";
  };
})();
