/** Children that do not come up, and what they may see of their worker's environment. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it, onTestFinished, vi } from "vitest";
import { CeleriacError } from "../../error/celeriac-error.ts";
import { PoolRig, type PoolSubject, usePools } from "./pool-rig.ts";

const fixture = (name: string): string => new URL(`../../pool/fixtures/${name}`, import.meta.url).href;

export function bootCases(subject: PoolSubject): void {
  const open = usePools(subject);

  async function failure(app: string): Promise<CeleriacError> {
    const rig = await PoolRig.make(subject, { app, children: 2 });
    const error = await rig.pool.open().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(rig.pool.size.children).toEqual([]);
    expect(rig.pool.room({ isolated: false })).toBe(0);
    if (!(error instanceof CeleriacError)) throw new Error(`expected a refusal, got ${String(error)}`);
    return error;
  }

  it("refuses an app that throws on import, in the words of the child", async () => {
    const error = await failure(fixture("throws.ts"));
    expect(error.code).toBe("APP_LOAD_FAILED");
    expect(error.message).toContain("RangeError: no configuration for this fixture");
    expect((error.cause as Error).stack).toMatch(/throws\.ts:3/);
  });

  it("refuses an app that exits on import", async () => {
    const error = await failure(fixture("exits.ts"));
    expect(error.code).toBe("APP_LOAD_FAILED");
    expect(error.message).toContain("exit code 4");
  });

  it("refuses a module without the app, and one that is not there", async () => {
    const error = await failure(fixture("no-app.ts"));
    expect(error.code).toBe("APP_NOT_FOUND");
    expect(error.message).toContain("something");
    expect((await failure(fixture("nowhere.ts"))).code).toBe("APP_LOAD_FAILED");
  });

  it("refuses a child with other tasks", async () => {
    const error = await failure(fixture("whimsical.ts"));
    expect(error.code).toBe("TASKS_DIFFER");
    expect(error.details).toMatchObject({ extra: ["always", "sometimes"], changed: [] });
  });

  it("refuses TypeScript that needs a transform, and says what to do", async () => {
    const folder = await mkdtemp(join(tmpdir(), "celeriac-pool-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "app.ts");
    await writeFile(file, "export enum Colour { Red }\nexport const app = Colour.Red;\n");
    const error = await failure(pathToFileURL(file).href);
    expect(error.code).toBe("APP_LOAD_FAILED");
    expect(error.message).toContain("erasableSyntaxOnly");
  });

  it("hides the worker's environment but for what is named", async () => {
    vi.stubEnv("CELERIAC_BROKER", "redis://user:secret@127.0.0.1/0");
    vi.stubEnv("SHOP_TOKEN", "t");
    vi.stubEnv("SHOP_OTHER", "o");
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const rig = await open({ env: ["SHOP_TOKEN"] });
    const seen = (await rig.value("environment")) as Record<string, string>;
    expect(seen).toMatchObject({ CELERIAC_ROLE: "child", SHOP_TOKEN: "t", PATH: process.env["PATH"] });
    expect(
      Object.keys(seen).filter((name) => !/^(PATH|HOME|LANG|TZ|NODE_.*|CELERIAC_ROLE|SHOP_TOKEN)$/.test(name)),
    ).toEqual([]);
  });
}
