/** What excuses a second run, on journals written by hand: a fault that befell whoever held the first, and no other. */

import { describe, expect, it } from "vitest";
import { Explanations } from "./explanations.ts";
import { historyOf } from "./history.ts";
import type { Entry } from "./journal.ts";
import type { BrokerName } from "./stage.ts";

const [holder, child, other] = [1, 11, 2];
const start = (t: number, worker: number, pid: number, id = "a", kind = "slow"): Entry => {
  return { k: "start", t, id, kind, attempt: 1, fence: t, pid, worker };
};
const claim = (t: number, worker: number): Entry => ({ k: "claim", t, id: "a", attempt: 1, worker });
const fault = (name: string, target: number, t: number, until = t): Entry => ({
  k: "fault",
  t,
  until,
  fault: name,
  target,
});
const away = (t: number, until: number, worker = holder): Entry => ({ k: "away", t, until, worker });
const twice = [claim(1000, holder), start(1010, holder, child), claim(6000, other), start(6010, other, 21)];

function reasonsFor(more: readonly Entry[], broker: BrokerName = "redis"): readonly (string | undefined)[] {
  const history = historyOf([...twice, ...more]);
  return new Explanations(history, { broker, shadow: 5000, lease: 3000 }).of(history.of("a"));
}

describe("what excuses a second run", () => {
  it.each<[string, string, Entry]>([
    ["the death of its worker", "kill worker", fault("kill worker", holder, 2000)],
    ["its end", "end worker", fault("end worker", holder, 2000)],
    ["the death of its child", "kill child", fault("kill child", child, 2000)],
    [
      "a neighbour that ended its child",
      "a neighbour that ended its process",
      start(1005, holder, child, "p", "poison"),
    ],
    ["a stop of its worker for most of a lease", "stop worker", fault("stop worker", holder, 2000, 3900)],
    ["a line of its worker that was dead for as long", "black hole", fault("black hole", holder, 2000, 3900)],
    ["one of which nobody wrote down whose it was", "black hole", fault("black hole", 0, 2000, 3900)],
    ["a server that stood still for as long", "stop redis", fault("stop redis", 77, 2000, 3900)],
    ["a server that refused renewals for as long", "full disk", fault("full disk", 0, 2000, 3900)],
    ["a clock that stepped", "redis clock jumps", fault("redis clock jumps", 0, 2000, 2100)],
    ["silence by the word of its worker's probe", "out of reach", away(1500, 3400)],
    ["silence around its claim", "out of reach", away(200, 2100)],
  ])("is %s", (_what, reason, entry) => {
    expect(reasonsFor([entry])).toEqual([reason]);
  });

  it("is one silence after another, of whatever kind", () => {
    const half = [fault("stop worker", holder, 2000, 3000), fault("black hole", holder, 3400, 4400)];
    expect(reasonsFor(half)).toEqual(["stop worker, black hole"]);
    expect(reasonsFor([half[0] as Entry, fault("black hole", holder, 3600, 4400)])).toEqual([undefined]);
  });

  it.each<[string, Entry]>([
    ["the death of another worker", fault("kill worker", other, 2000)],
    ["the death of another child", fault("kill child", 12, 2000)],
    ["a neighbour that ended another child", start(1005, holder, 12, "p", "poison")],
    ["a death after the next claim", fault("kill worker", holder, 7000)],
    ["a stop of another worker", fault("stop worker", other, 2000, 5000)],
    ["a stop that a lease survives", fault("stop worker", holder, 2000, 3700)],
    ["a stop that was over before the claim", fault("stop machine", holder, -3000, 400)],
    ["another's dead line", fault("half-open up", other, 2000, 5000)],
    ["a line that was cut, where leases outlive it", fault("cut line", holder, 2000)],
    ["connections that were all cut, likewise", fault("cut connections", 0, 2000)],
    ["a full disk that a lease survives", fault("full disk", 0, 2000, 3700)],
    ["a server that was away for as long as a lease survives", fault("kill redis", 77, 2000, 3000)],
    ["a stopped child, whose worker renews", fault("stop child", child, 2000, 5000)],
    ["a scheduler's death", fault("kill scheduler", 9, 2000)],
    ["a dashboard's stop", fault("stop dashboard", 9, 2000, 5000)],
    ["a flush of scripts", fault("flush scripts", 0, 2000)],
    ["a full memory", fault("full redis", 0, 2000, 5000)],
    ["a step of a worker's clock", fault("worker clock jumps", holder, 2000, 5000)],
    ["a worker of two ports that died elsewhere", fault("two-port worker dies", 0, 2000, 5000)],
    ["silence that a lease survives", away(1500, 3200)],
    ["silence that was over when it was claimed", away(-1500, 900)],
    ["silence at another time", away(6100, 9100)],
    ["the silence of another", away(1500, 4500, other)],
  ])("is not %s", (_what, entry) => {
    expect(reasonsFor([entry])).toEqual([undefined]);
  });

  it("is on RabbitMQ any loss of the connection that held the message, and nothing that befalls the store", () => {
    const reason = (entry: Entry): unknown => reasonsFor([entry], "rabbitmq")[0];
    expect(reason(fault("cut line", holder, 2000))).toBe("cut line");
    expect(reason(fault("close connections", 0, 2000))).toBe("close connections");
    expect(reason(fault("stop rabbitmq", 77, 2000, 3100))).toBe("stop rabbitmq");
    // It strikes with what the client says next.
    expect(reason(fault("broken word", holder, 500))).toBe("broken word");
    expect(reason(fault("cut line", other, 2000))).toBeUndefined();
    expect(reason(fault("stop worker", holder, 2000, 2900))).toBeUndefined();
    expect(reason(fault("kill redis", 77, 2000, 5000))).toBeUndefined();
    expect(reason(fault("redis clock jumps", 0, 2000, 5000))).toBeUndefined();
  });

  it("is on RabbitMQ, which knows no ids, that the task was sent twice, once for each attempt", () => {
    const again: Entry = { k: "again", t: 500, id: "a" };
    expect(reasonsFor([again], "rabbitmq")).toEqual(["sent twice"]);
    expect(reasonsFor([{ k: "unclear", t: 500, id: "a", kind: "slow" }], "rabbitmq")).toEqual(["sent twice"]);
    expect(reasonsFor([again, start(9000, holder, child)], "rabbitmq")).toEqual(["sent twice", undefined]);
    expect(reasonsFor([{ ...again, id: "b" }], "rabbitmq")).toEqual([undefined]);
    expect(reasonsFor([again], "redis")).toEqual([undefined]);
  });

  it("is on RabbitMQ that its sender heard of it when the server had just been away, and sent it again to hear", () => {
    const sent = (t: number): Entry => ({ k: "accepted", t, id: "a", kind: "slow" });
    const stopped = fault("stop rabbitmq", 77, -3000, 300);
    expect(reasonsFor([sent(600), stopped], "rabbitmq")).toEqual(["sent twice"]);
    expect(reasonsFor([sent(600), fault("cut line", 99, 300)], "rabbitmq")).toEqual(["sent twice"]);
    expect(reasonsFor([sent(900), stopped], "rabbitmq")).toEqual([undefined]);
    expect(reasonsFor([sent(600), fault("kill redis", 77, -3000, 300)], "rabbitmq")).toEqual([undefined]);
    expect(reasonsFor([sent(600), fault("stop redis", 77, -3000, 300)], "redis")).toEqual([undefined]);
  });

  it("is on RabbitMQ that who began it had it first, and stood still until another had it as well", () => {
    const still = fault("stop worker", other, 3000, 5950);
    expect(reasonsFor([still], "rabbitmq")).toEqual(["stop worker"]);
    expect(reasonsFor([fault("stop worker", other, 3000, 5000)], "rabbitmq")).toEqual([undefined]);
    expect(reasonsFor([fault("stop worker", other, 5100, 5950)], "rabbitmq")).toEqual([undefined]);
    expect(reasonsFor([still])).toEqual([undefined]);
  });

  it("is the end of a worker of two ports, for what that one ran itself", () => {
    const history = historyOf([
      start(1000, 5, 5),
      fault("two-port worker dies", 0, 900, 1100),
      start(6000, holder, child),
    ]);
    const explanations = new Explanations(history, { broker: "redis", shadow: 5000, lease: 3000 });
    expect(explanations.of(history.of("a"))).toEqual(["two-port worker dies"]);
  });

  it("is wanted for each repeat", () => {
    const third = [claim(20_000, holder), start(20_010, holder, child)];
    expect(reasonsFor([away(1500, 3400), ...third])).toEqual(["out of reach", undefined]);
    expect(reasonsFor([away(1500, 3400), ...third, fault("kill worker", other, 9000)])).toEqual([
      "out of reach",
      "kill worker",
    ]);
  });

  it("is nothing for a retry", () => {
    const history = historyOf([...twice.slice(0, 2), { ...(start(6010, other, 21) as object), attempt: 2 } as Entry]);
    expect(new Explanations(history, { broker: "redis", shadow: 5000, lease: 3000 }).of(history.of("a"))).toEqual([]);
  });

  it("leaves no more repeats to a fault than tasks that it could have hit", () => {
    const most = (...entries: readonly Entry[]): number =>
      new Explanations(historyOf(entries), { broker: "redis", shadow: 5000, lease: 3000 }).most;
    expect(most(fault("kill worker", holder, 1), away(1, 900), start(1, holder, child, "p", "poison"))).toBe(12);
    expect(most(fault("stop redis", 77, 1), fault("cut line", 0, 1))).toBe(24);
    expect(most(fault("cut line", holder, 1), fault("stop rabbitmq", 77, 1), fault("flush scripts", 0, 1))).toBe(4);
  });

  it("knows no fault that the plan does not have", () => {
    expect(() => reasonsFor([fault("solar flare", holder, 2000)])).toThrow('does not know what "solar flare" can do');
  });
});
