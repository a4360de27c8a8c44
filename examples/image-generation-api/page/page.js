// Orders through the API and follows each order by server-sent events. Nothing but the browser's own.

const form = document.querySelector("#order");
const problem = document.querySelector("#problem");
const list = document.querySelector("#orders");
const template = document.querySelector("#card");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  problem.hidden = true;
  const { prompt, size } = Object.fromEntries(new FormData(form));
  void order(Number(event.submitter?.value) || 1, { prompt, size: Number(size) });
});

async function order(count, wish) {
  for (let n = 0; n < count; n++) {
    const response = await fetch("/images", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(wish),
    }).catch(() => undefined);
    const answer = await response?.json().catch(() => undefined);
    if (response?.status !== 202) {
      problem.textContent = answer?.message ?? "The server does not answer.";
      problem.hidden = false;
      return;
    }
    show(answer, wish.prompt);
  }
}

function show(order, prompt) {
  const card = template.content.firstElementChild.cloneNode(true);
  const [image, blank, state, bar, cancel] = ["img", ".blank", ".state", "progress", "button"].map((name) =>
    card.querySelector(name),
  );
  card.querySelector(".prompt").textContent = prompt;
  list.prepend(card);

  const picture = (url) => {
    const next = new Image();
    next.onload = () => {
      image.src = next.src;
      image.alt = prompt;
      image.hidden = false;
      blank.hidden = true;
    };
    next.src = url;
  };
  const hear = {
    queued: ({ position }) => (state.textContent = position === 1 ? "next in line" : `number ${position} in line`),
    running: ({ step, of }) => {
      state.textContent = of === 0 ? "it is your turn" : `step ${step} of ${of}`;
      bar.hidden = of === 0;
      bar.max = of || 1;
      bar.value = step;
      if (step > 0 && step % 4 === 0 && step < of) picture(`${order.location}/draft.png?step=${step}`);
    },
    done: () => {
      state.textContent = "done";
      picture(order.picture);
      end();
    },
    failed: ({ message }) => {
      state.textContent = message;
      card.classList.add("failed");
      end();
    },
    cancelled: () => {
      state.textContent = "cancelled";
      end();
    },
  };
  hear[order.state]?.(order);
  const events = new EventSource(order.events);
  for (const [name, listener] of Object.entries(hear))
    events.addEventListener(name, (event) => listener(JSON.parse(event.data)));
  const end = () => {
    events.close(); // or the browser asks again
    bar.hidden = true;
    cancel.hidden = true;
  };
  cancel.addEventListener("click", () => void fetch(order.location, { method: "DELETE" }));
}
