/** T8 and T9: every route for everybody who may ask, and requests that another site has a browser make. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ActionRequest, AuditPage, Role, Session, TaskPage } from "../contract.ts";
import { origin, here, type Asked, Stage } from "../fixtures/stage.ts";
import { routes } from "../http/routes.ts";
import { checkLogin, type DashboardUser } from "./login.ts";
import { hashPassword } from "./password.ts";
import { actionKinds } from "./viewer.ts";

type Who = "nobody" | Role | "confined";

let stage: Stage;
const passwords = { view: "look", operate: "turn", admin: "everything", confined: "mail only" };

beforeAll(async () => {
  const hash = Object.fromEntries(
    await Promise.all(
      Object.entries(passwords).map(async ([name, word]) => [name, await hashPassword(word, 10)] as const),
    ),
  );
  const user = (name: Exclude<Who, "nobody">, role: Role) => ({ name, role, password: hash[name] ?? "" });
  stage = new Stage(undefined, {
    login: {
      users: [
        user("view", "view"),
        user("operate", "operate"),
        user("admin", "admin"),
        { ...user("confined", "operate"), queues: ["mail"] },
      ],
    },
    hosts: ["ops.example.com"],
  });
  await stage.app.task("send", { queue: "mail" }, () => "sent").delay();
  await stage.app.task("pay", { queue: "money" }, () => "paid").delay();
});
afterAll(() => stage[Symbol.asyncDispose]());

function as(who: Who, password?: string): Asked {
  if (who === "nobody") return { peer: { address: "203.0.113.9" } };
  const pair = Buffer.from(`${who}:${password ?? passwords[who]}`).toString("base64");
  return { headers: { authorization: `Basic ${pair}` }, peer: { address: "203.0.113.9" } };
}

const rank = { open: 0, nobody: 0, view: 1, operate: 2, admin: 3 } as const;
const everybody = ["nobody", "view", "operate", "admin"] as const;

describe.concurrent.each(
  routes.map((route) => ({
    ...route,
    name: [route.method, route.path, ...(route.dialect ? [`as ${route.dialect}`] : [])].join(" "),
  })),
)("$name", (route) => {
  test.each(everybody)("for %s", async (who) => {
    // What was sent by another route is known, and would be waited for here.
    const path = route.path.replace(/:\w+/g, route.path.includes("/apply/") ? "unheard" : "x");
    const asked = as(who);
    const response = await stage.ask(path, {
      ...asked,
      method: route.method,
      ...(route.method === "POST" && { body: "{}" }),
    });
    const answer = response.status === 403 ? ((await response.json()) as { readonly code: string }) : undefined;
    await response.body?.cancel().catch(() => {});
    const may = rank[who] >= rank[route.role];
    // Flower's 403 may also say that a worker has refused.
    const refused = response.status === 401 || answer?.code === "FORBIDDEN";
    // A POST without the token is refused to everybody by the token.
    expect(refused, String(response.status)).toBe(
      route.method === "POST" ? who === "nobody" || !isProgram(route) || !may : !may,
    );
    // Who has not said who it is learns nothing but that.
    expect(response.status === 401).toBe(who === "nobody" && !may);
  });
});

function isProgram(route: { readonly dialect?: string }): boolean {
  return route.dialect === "flower";
}

const samples: Readonly<Record<string, object>> = {
  task: { tasks: { ids: ["x"] } },
  queue: { queue: "money" },
  worker: { worker: "w@x" },
  limit: { task: "send" },
  schedule: { schedule: "x" },
  dead: { letters: { keys: ["x"] } },
};
const extra: Readonly<Partial<Record<ActionRequest["do"], object>>> = {
  "task.edit-and-run": { tasks: undefined, id: "x", task: "send", queue: "money", args: "[]", kwargs: "{}" },
  "queue.purge": { typed: "no", ready: true, delayed: false },
  "worker.grow": { by: 1 },
  "worker.shrink": { by: 1 },
  "worker.autoscale": { min: 1, max: 2 },
  "worker.add-consumer": { queue: "money" },
  "worker.cancel-consumer": { queue: "money" },
  "limit.rate": { rate: "1/s" },
};
const forAdmins = /^(?:queue\.purge|worker\.|limit\.|dead\.drop)/;

test.each(actionKinds.map((kind) => ({ kind })))(
  "$kind is done for whom it is meant, and every refusal is written down",
  async ({ kind }) => {
    const request = { do: kind, ...samples[kind.split(".")[0] ?? ""], ...extra[kind] };
    const refused = async (who: Who): Promise<boolean> => {
      const response = await stage.post(request, as(who));
      const answer = (await response.json()) as { readonly code?: string };
      return response.status === 403 && answer.code === "FORBIDDEN";
    };
    const asked =
      kind === "task.edit-and-run"
        ? ["view", "confined"]
        : ["view", "confined", ...(forAdmins.test(kind) ? ["operate"] : [])];
    for (const who of asked as Who[]) {
      // By ids and keys a confined person may ask; what is not theirs fails one by one.
      if (who === "confined" && /^(?:task\.(?!edit)|dead\.redrive)/.test(kind)) continue;
      expect(await refused(who), who).toBe(true);
    }
    const { items } = await stage.get<AuditPage>("/api/audit?limit=200", as("admin"));
    expect(items.filter((row) => row.do === kind && row.user === "view")).toMatchObject([
      { refused: expect.stringContaining("FORBIDDEN"), done: 0, address: "203.0.113.9" },
    ]);
  },
);

test("who is confined to some queues sees and touches no other", async () => {
  const me = as("confined");
  expect((await stage.get<Session>("/api/session", me)).queues).toEqual(["mail"]);
  await stage.until<TaskPage>("/api/tasks", ({ items }) => items.length >= 0, me);
  const names = (await stage.get<{ items: { name: string }[] }>("/api/queues", me)).items.map(({ name }) => name);
  expect(names).toEqual(["mail"]);
  expect((await stage.ask("/api/queues/money/messages", me)).status).toBe(403);
  expect((await stage.ask("/api/series?queue=money", me)).status).toBe(403);
  expect((await stage.ask("/api/workflows", me)).status).toBe(403);
  expect((await stage.post({ do: "queue.pause", queue: "money" }, me)).status).toBe(403);
  expect((await stage.post({ do: "queue.pause", queue: "mail" }, me)).status).toBe(200);
  expect((await stage.post({ do: "queue.resume", queue: "mail" }, me)).status).toBe(200);
  const move = { do: "task.requeue", tasks: { filter: {}, expect: 0 } } as const;
  expect((await stage.post({ ...move, queue: "money" }, me)).status).toBe(403);
  expect((await stage.post({ ...move, queue: "mail" }, me)).status).toBe(200);
  expect((await stage.post(move, as("view"))).status).toBe(403);
});

test("wrong passwords and no passwords are told apart from nobody", async () => {
  expect((await stage.ask("/api/session", as("admin", "nothing"))).status).toBe(401);
  const challenge = await stage.ask("/api/session", { peer: { address: "203.0.113.9" } });
  expect(challenge.headers.get("www-authenticate")).toMatch(/^Basic /);
});

describe("another site", () => {
  const act = JSON.stringify({ do: "queue.pause", queue: "mail" });

  async function post(headers: Readonly<Record<string, string>>, body = act): Promise<number> {
    const token = await stage.csrf(as("admin"));
    const all = { "content-type": "application/json", "x-csrf-token": token, ...as("admin").headers, ...headers };
    return (await stage.ask("/api/actions", { ...as("admin"), method: "POST", headers: all, body })).status;
  }

  test("cannot post, whatever it says", async () => {
    expect(await post({ origin })).toBe(200);
    expect(await post({ origin: "https://evil.example" })).toBe(403);
    expect(await post({ origin: "null" })).toBe(403);
    expect(await post({ origin: "http://localhost:5556" })).toBe(403);
    expect(await post({ origin, "sec-fetch-site": "cross-site" })).toBe(403);
    expect(await post({ "sec-fetch-site": "same-site" })).toBe(403);
    expect(await post({ "sec-fetch-site": "none" })).toBe(403);
    expect(await post({ origin, "x-csrf-token": "" })).toBe(403);
    expect(await post({ origin, "x-csrf-token": await stage.csrf(as("view")) })).toBe(403);
    expect(await post({ origin, "content-type": "text/plain" })).toBe(400);
    expect(await post({ origin, "content-type": "application/x-www-form-urlencoded" })).toBe(400);
    expect(await post({ origin, "content-type": "application/jsonp" })).toBe(400);
  });

  test("cannot read, nor listen", async () => {
    for (const path of ["/api/session", "/api/stream?topics=tasks"]) {
      const evil = { ...as("admin").headers, origin: "https://evil.example" };
      expect((await stage.ask(path, { ...as("admin"), headers: evil })).status).toBe(403);
      const script = { ...as("admin").headers, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" };
      expect((await stage.ask(path, { ...as("admin"), headers: script })).status).toBe(403);
    }
    const link = { ...as("admin").headers, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    expect((await stage.ask("/tasks", { ...as("admin"), headers: link })).status).toBe(200);
    const answer = await stage.ask("/api/session", as("admin"));
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect(answer.headers.get("cross-origin-resource-policy")).toBe("same-origin");
  });

  test("has no name for this server", async () => {
    for (const [host, status] of [
      ["ops.example.com", 200],
      ["OPS.example.com:8080", 200],
      ["10.1.2.3:5555", 200],
      ["localhost", 200],
      ["evil.example", 421],
      ["ops.example.com.evil.example", 421],
      ["localhost.evil.example", 421],
      ["127.0.0.1.evil.example", 421],
    ] as const) {
      const response = await stage.ask("/api/session", { ...as("admin"), headers: { ...as("admin").headers, host } });
      expect(response.status, host).toBe(status);
    }
  });

  test("GET changes nothing", async () => {
    expect((await stage.ask("/api/actions", as("admin"))).status).toBe(405);
  });
});

describe("without a login", () => {
  test("this machine is served, and nobody else", async () => {
    await using open = new Stage();
    expect((await open.ask("/api/session")).status).toBe(200);
    expect((await open.ask("/api/session", { peer: { address: "::ffff:127.0.0.1" } })).status).toBe(200);
    expect((await open.ask("/api/session", { peer: { address: "203.0.113.9" } })).status).toBe(403);
    expect((await open.ask("/api/session", { peer: {} })).status).toBe(403);
    for (const name of ["x-forwarded-for", "forwarded", "x-real-ip", "via", "x-forwarded-host"]) {
      expect((await open.ask("/api/session", { headers: { [name]: "127.0.0.1" } })).status, name).toBe(403);
    }
    expect((await open.ask("/api/session", { headers: { host: "evil.example" } })).status).toBe(421);
    expect((await open.ask("/api/session", { headers: { host: "10.1.2.3" } })).status).toBe(421);
  });

  test("a read-only one changes nothing, and says so", async () => {
    await using still = new Stage(undefined, { readOnly: true });
    expect((await still.get<Session>("/api/session")).may).toEqual([]);
    const response = await still.post({ do: "queue.pause", queue: "mail" });
    expect([response.status, await response.json()]).toMatchObject([403, { code: "READ_ONLY" }]);
    expect((await still.get<AuditPage>("/api/audit")).items).toMatchObject([
      { refused: expect.stringContaining("READ_ONLY") },
    ]);
  });
});

describe("a proxy that vouches", () => {
  const rules = { header: "x-forwarded-user", emailHeader: "x-forwarded-email", from: ["10.0.0.5"] };
  const through = (headers: Readonly<Record<string, string>>, address = "10.0.0.5"): Asked => ({
    headers,
    peer: { address },
  });

  test("is believed from its own address, and names are compared whole", async () => {
    await using behind = new Stage(undefined, {
      login: {
        proxy: { ...rules, people: { root: "admin", "Me@example.com": "operate" }, domains: { "example.com": "view" } },
      },
    });
    const role = async (asked: Asked): Promise<string> => {
      const response = await behind.ask("/api/session", asked);
      const body = (await response.json()) as Session;
      return response.ok ? (body.user?.role ?? "none") : String(response.status);
    };
    expect(await role(through({ "x-forwarded-user": "root" }))).toBe("admin");
    expect(await role(through({ "x-forwarded-user": "root" }, "10.0.0.6"))).toBe("403");
    expect(await role(through({}))).toBe("401");
    expect(await role(through({ "x-forwarded-user": "u", "x-forwarded-email": "me@EXAMPLE.com" }))).toBe("operate");
    expect(await role(through({ "x-forwarded-user": "u", "x-forwarded-email": "you@example.com" }))).toBe("view");
    for (const email of [
      "me@example.com.evil.com",
      "me@example.com@evil.com",
      "me@evilexample.com",
      "example.com",
      "@",
      "",
    ])
      expect(await role(through({ "x-forwarded-user": "u", "x-forwarded-email": email })), email).toBe("403");
  });
});

describe("a rule", () => {
  const groups = {
    mail: { role: "operate", queues: ["mail"] },
    sms: { role: "operate", queues: ["sms", "mail"] },
    watchers: "view",
    chiefs: "operate",
  } as const;

  test("may give a role for some queues: of several groups the highest role, with the queues of all that give it", async () => {
    const proxy = { header: "x-forwarded-user", groupsHeader: "x-groups", from: ["10.0.0.5"], groups };
    await using behind = new Stage(undefined, { login: { proxy } });
    const session = async (names: string): Promise<readonly unknown[]> => {
      const headers = { "x-forwarded-user": "ann", "x-groups": names };
      const { user, queues } = await behind.get<Session>("/api/session", { headers, peer: { address: "10.0.0.5" } });
      return [user?.role, queues];
    };
    expect(await session("mail")).toEqual(["operate", ["mail"]]);
    expect(await session("mail, sms")).toEqual(["operate", ["mail", "sms"]]);
    // Who may look at all is not let in to operate all.
    expect(await session("watchers, mail")).toEqual(["operate", ["mail"]]);
    expect(await session("mail, chiefs")).toEqual(["operate", undefined]);
    expect(await session("watchers")).toEqual(["view", undefined]);
    const asked = {
      headers: { "x-forwarded-user": "ann", "x-groups": "mail" },
      peer: { address: "10.0.0.5" },
    };
    expect((await behind.post({ do: "queue.pause", queue: "money" }, asked)).status).toBe(403);
    expect((await behind.post({ do: "queue.pause", queue: "mail" }, asked)).status).toBe(200);
  });

  test.each([
    ["queues that are no list", { role: "view", queues: "mail" }],
    ["queues that are no names", { role: "view", queues: [1] }],
    ["no role", { queues: ["mail"] }],
    ["an unknown role", "root"],
    ["nothing", null],
  ])("with %s is refused", (_what, others) => {
    const oidc = { issuer: "https://a.example", clientId: "c", redirectUri: "https://b.example/login/callback" };
    const refused = expect.objectContaining({ code: "CONFIG_INVALID" }) as Error;
    expect(() => checkLogin({ oidc: { ...oidc, others: others as unknown as Role } })).toThrow(refused);
    const password = `scrypt$${"x".repeat(20)}`;
    const user = { name: "a", role: "view", password, queues: "mail" } as unknown as DashboardUser;
    expect(() => checkLogin({ users: [user] })).toThrow(/queues of "a"/);
  });
});

test("the server around it may say who it is, and nobody else can", async () => {
  await using mounted = new Stage(undefined, {
    authorize: (request) => (request.headers.get("x-key") === "k" ? { name: "ops", role: "admin" } : undefined),
  });
  expect((await mounted.ask("/api/session", { peer: here })).status).toBe(401);
  expect((await mounted.ask("/api/session", { headers: { "x-key": "k", host: "any.example" } })).status).toBe(200);
});
