/** A copy of deploy/ with the package from its tarball, under names of its own: its image, its containers, and what they say. */

import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folder as deploy } from "../deploy/reading.ts";
import { root } from "../source-tree.ts";
import { freePort } from "../server/free-port.ts";
import { attempt, type Engine, passed } from "./engine.ts";

/** What the app of deploy/ lacks: a task that takes its time, and a schedule that fires while somebody looks. */
const moreTasks = `
export const slow = app.task("test.slow", async (given: { seconds: number }) => {
  await new Promise((resolve) => setTimeout(resolve, given.seconds * 1000));
  return given.seconds;
});
`;
const moreSchedules = `
app.schedule("often", every("2s"), app.signature("report.write"));
`;

/** A task as the API tells it. */
export interface Told {
  readonly status: number;
  readonly state?: string;
  readonly result?: unknown;
}

export class Shop implements AsyncDisposable {
  readonly engine: Engine;
  readonly folder: string;
  readonly name: string = `celeriac-${crypto.randomUUID().slice(0, 8)}`;
  readonly passwords: { readonly redis: string; readonly dashboard: string } = {
    redis: crypto.randomUUID(),
    dashboard: crypto.randomUUID(),
  };
  readonly #ports: { readonly api: number; readonly dashboard: number };
  #up = false;

  private constructor(engine: Engine, folder: string, ports: { readonly api: number; readonly dashboard: number }) {
    this.engine = engine;
    this.folder = folder;
    this.#ports = ports;
  }

  static async make(engine: Engine): Promise<Shop> {
    const folder = await mkdtemp(join(tmpdir(), "celeriac-shop-"));
    await cp(deploy, folder, { recursive: true });
    const shop = new Shop(engine, folder, { api: await freePort(), dashboard: await freePort() });
    const app = join(folder, "app");
    await must(["npm", "pack", "--pack-destination", app], root);
    const tarball = (await readdir(app)).find((file) => file.endsWith(".tgz")) ?? "";
    const changed = async (path: string, change: (text: string) => string): Promise<void> =>
      writeFile(join(folder, path), change(await readFile(join(folder, path), "utf8")));
    await changed("app/package.json", (text) => text.replace(/("celeriac": )"[^"]+"/, `$1"file:${tarball}"`));
    await changed("compose.yaml", (text) => text.replace(/^( {2}image:) shop$/m, `$1 ${shop.name}`));
    await appendFile(join(app, "tasks.ts"), moreTasks);
    await appendFile(join(app, "app.ts"), moreSchedules);
    await must(["npm", "install", "--package-lock-only"], app);
    return shop;
  }

  /** As docs/deployment.md says, with nothing left over. npm's registry and its authority, where they are not the usual ones, are lent and left out of the image. */
  async build(): Promise<void> {
    const lent = this.engine.program === "podman" ? await this.#forPodman() : [];
    const words = ["build", "--network", "host", ...lent, "-f", join(this.folder, "Dockerfile"), "-t", this.name];
    await this.engine.run([...words, join(this.folder, "app")], 600_000);
  }

  async #forPodman(): Promise<readonly string[]> {
    const setting = (name: string): Promise<string> => must(["npm", "config", "get", name], root);
    const [registry, authority] = [await setting("registry"), await setting("cafile")];
    const own = join(this.folder, "npmrc");
    const inside = "/tmp/npm-authority.pem";
    const known = authority !== "null" && authority !== "";
    await writeFile(own, `registry=${registry}\n${known ? `cafile=${inside}\n` : ""}`);
    return ["--layers=false", "-v", `${own}:/root/.npmrc:ro`, ...(known ? ["-v", `${authority}:${inside}:ro`] : [])];
  }

  async up(): Promise<void> {
    this.#up = true;
    await this.compose("up", "--detach", "--no-build");
  }

  compose(...args: readonly string[]): Promise<string> {
    return this.engine.compose(this.folder, ["--project-name", this.name, ...args], {
      REDIS_PASSWORD: this.passwords.redis,
      DASHBOARD_PASSWORD: this.passwords.dashboard,
      API_PORT: String(this.#ports.api),
      DASHBOARD_PORT: String(this.#ports.dashboard),
    });
  }

  /** Names of a service's containers, also of those that have ended. */
  async containers(service?: string): Promise<readonly string[]> {
    const label = (name: string, value: string): readonly string[] => [
      "--filter",
      `label=com.docker.compose.${name}=${value}`,
    ];
    const which = [...label("project", this.name), ...(service === undefined ? [] : label("service", service))];
    const names = await this.engine.run(["ps", "--all", ...which, "--format", "{{.Names}}"]);
    return names
      .split("\n")
      .filter((name) => name !== "")
      .toSorted();
  }

  inspect(container: string, format: string): Promise<string> {
    return this.engine.run(["inspect", "--format", format, container]);
  }

  async logs(container: string): Promise<string> {
    return (await this.engine.try(["logs", container])).text;
  }

  /** `celeriac` in the container of the API. */
  async celeriac(...words: readonly string[]): Promise<string> {
    const [api = ""] = await this.containers("api");
    const program = ["node", "node_modules/celeriac/dist/cli/main.js", ...words, "-A", "./app.ts"];
    return this.engine.run(["exec", api, ...program]);
  }

  slow(seconds: number): Promise<string> {
    return this.celeriac("call", "test.slow", "--kwargs", JSON.stringify({ seconds }));
  }

  api(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${String(this.#ports.api)}${path}`, init);
  }

  async task(path: string): Promise<Told> {
    const reply = await this.api(path);
    return { ...((await reply.json()) as object), status: reply.status };
  }

  /** The status of the dashboard's page, without a login or with one. */
  async page(password?: string): Promise<number> {
    const authorization = `Basic ${Buffer.from(`admin:${password ?? ""}`).toString("base64")}`;
    const url = `http://127.0.0.1:${String(this.#ports.dashboard)}/`;
    return (await fetch(url, password === undefined ? {} : { headers: { authorization } })).status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#up)
      await this.compose("down", "--volumes").catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
    await this.engine.try(["image", "rm", "--force", this.name]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Asks again until it is so; rejects with what was seen last after `limit` ms. */
export async function until<T>(
  what: string,
  limit: number,
  ask: () => Promise<T>,
  fits: (seen: T) => boolean,
): Promise<T> {
  const end = performance.now() + limit;
  let seen: unknown;
  do {
    try {
      const answer = await ask();
      if (fits(answer)) return answer;
      seen = answer;
    } catch (error) {
      seen = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 500)); // containers tell nobody when they are ready
  } while (performance.now() < end);
  const shown = seen instanceof Error ? seen.message : JSON.stringify(seen);
  throw new Error(`${what}: not within ${String(limit / 1000)} s; the last that was seen: ${shown.slice(-1500)}`);
}

async function must(words: readonly string[], cwd: string): Promise<string> {
  return passed(words.join(" "), await attempt(words, { limit: 300_000, cwd }));
}
