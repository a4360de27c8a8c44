/** What deploy/ says, compared with what there is: commands, options, ports, paths, names, figures, times. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { beatCommand } from "../../src/cli/command/beat.ts";
import { dashboardCommand } from "../../src/cli/command/dashboard.ts";
import { workerCommand } from "../../src/cli/command/worker.ts";
import { durationMs, type Duration } from "../../src/index.ts";
import { describeWith } from "../server/required-program.ts";
import { readTree, root } from "../source-tree.ts";
import { at, documents, execForm, filesIn, folder, list, type Node, stages, text } from "./reading.ts";

/** From the end of `--grace` to the end of the process at worst, with some to spare: see src/worker/shutdown.ts. */
const afterGrace = 15;

const kubernetes = [...filesIn("kubernetes"), ...filesIn("keda")].flatMap((path) => documents(path));
const compose = documents("compose.yaml")[0] ?? {};
const services = Object.entries(at(compose, "services") as Readonly<Record<string, Node>>);
const ofKind = (kind: string): readonly Node[] => kubernetes.filter((object) => at(object, "kind") === kind);
const deployments = ofKind("Deployment");
const container = (deployment: Node): Node => list(deployment, "spec", "template", "spec", "containers")[0] ?? {};
const nameOf = (object: Node): string => at(object, "metadata", "name") as string;
const words = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);
const units = filesIn("systemd").filter((path) => path.endsWith(".service"));
const execStart = (unit: string): readonly string[] => (/^ExecStart=(.+)$/m.exec(text(unit))?.[1] ?? "").split(" ");

/** Words after `celeriac`, wherever they stand. */
const commands = (
  [
    ["Dockerfile", execForm("CMD")],
    ...services.map(([name, service]) => [`compose ${name}`, words(service["command"])] as const),
    ...deployments.map((object) => [`kubernetes ${nameOf(object)}`, words(container(object)["args"])] as const),
    ...units.map((unit) => [unit, execStart(unit).slice(2)] as const),
  ] as readonly (readonly [string, readonly string[]])[]
).filter(([, [word = ""]]) => word !== "" && word !== "redis-server");

/** Parsed as the command line would; throws where an option or its value does not exist. */
function parsed([name = "", ...rest]: readonly string[]): Readonly<Record<string, unknown>> {
  const make = { worker: workerCommand, beat: beatCommand, dashboard: dashboardCommand }[name];
  if (make === undefined) throw new Error(`no such command: ${name}`);
  const command: Command = make(() => {})
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .action(() => {});
  command.parse(rest, { from: "user" });
  return command.opts();
}
const seconds = (duration: unknown): number => durationMs(duration as Duration) / 1000;

describe("deploy/", () => {
  test.each(commands)("%s: its command and options exist", (_name, given) => {
    expect(parsed(given)["app"]).toBe("./app.ts");
  });

  test("has a command in each of its files", () => {
    const of = (name: string): number => commands.filter(([, [word]]) => word === name).length;
    expect([of("worker"), of("beat"), of("dashboard")]).toEqual([4, 3, 3]);
  });

  test("waits longer for a worker to end than the worker lets its tasks run", () => {
    const grace = (given: readonly string[]): number => seconds(parsed(given)["grace"]);
    const worker = services.find(([name]) => name === "worker")?.[1] ?? {};
    const unit = "systemd/celeriac-worker@.service";
    const pod = deployments.find((object) => nameOf(object) === "worker") ?? {};
    const waits = [
      [grace(words(worker["command"])), seconds(worker["stop_grace_period"])],
      [grace(execStart(unit).slice(2)), Number(/^TimeoutStopSec=(\d+)$/m.exec(text(unit))?.[1])],
      [grace(words(container(pod)["args"])), at(pod, "spec", "template", "spec", "terminationGracePeriodSeconds")],
    ] as const;
    for (const [tasks, process] of waits) expect(Number(process)).toBeGreaterThanOrEqual(tasks + afterGrace);
  });

  test("waits longer for schedulers and dashboards than they need beside a database that says nothing", () => {
    // One command without an answer, and then the patience of src/beat/beat.ts.
    const least = 8;
    const apart = ["beat", "dashboard"];
    const waits = [
      ...services.filter(([name]) => apart.includes(name)).map(([, service]) => seconds(service["stop_grace_period"])),
      ...apart.map((name) => Number(/^TimeoutStopSec=(\d+)$/m.exec(text(`systemd/celeriac-${name}.service`))?.[1])),
      ...deployments
        .filter((object) => apart.includes(nameOf(object)))
        .map((object) => Number(at(object, "spec", "template", "spec", "terminationGracePeriodSeconds"))),
    ];
    expect(waits).toHaveLength(6);
    for (const wait of waits) expect(wait).toBeGreaterThan(least);
  });

  test("a name server that says nothing holds up the end of no process for longer than a few seconds", () => {
    for (const [name, service] of services.filter(([name]) => name !== "redis"))
      expect(words(service["dns_opt"]), name).toEqual(["timeout:1", "attempts:2"]);
    for (const object of deployments)
      expect(list(object, "spec", "template", "spec", "dnsConfig", "options"), nameOf(object)).toEqual([
        { name: "timeout", value: "1" },
        { name: "attempts", value: "2" },
      ]);
  });

  test("says how many there are in the way that podman-compose reads, too", () => {
    const many = services.filter(([, service]) => at(service, "deploy", "replicas") !== undefined);
    expect(many.map(([name, service]) => [name, at(service, "deploy", "mode")])).toEqual([
      ["worker", "replicated"],
      ["beat", "replicated"],
    ]);
  });

  test("the page says how to make each file that the units and the Dockerfile ask for", () => {
    const page = readFileSync(join(root, "docs/deployment.md"), "utf8");
    const asked = units.flatMap((unit) => [...text(unit).matchAll(/\/etc\/celeriac\/[\w.]+/g)].map(([path]) => path));
    expect(new Set(asked).size).toBe(2);
    for (const path of asked) expect(page).toMatch(new RegExp(`^install .+ ${path}`, "m"));
    expect(page).toContain("npm install --package-lock-only");
    // A package that is not in a registry yet.
    expect(
      stages()[0]
        ?.find(({ name }) => name === "COPY")
        ?.rest.split(" "),
    ).toContain("*.tgz");
  });

  test("probes ask ports that are listened on, for paths that exist", () => {
    const served = readTree("src").map((file) => file.text);
    for (const object of deployments) {
      const { args, command, ports, ...rest } = container(object);
      const [port = {}] = list(ports);
      const number = Number(port["containerPort"]);
      const told =
        words(args).join(" ") ||
        list(rest, "env")
          .map(({ value }) => String(value))
          .join(" ");
      expect(told, nameOf(object)).toContain(String(number));
      const probes = ["startupProbe", "readinessProbe", "livenessProbe"]
        .map((name) => at(rest, name, "httpGet"))
        .filter((probe) => probe !== undefined);
      expect(probes.length).toBeGreaterThan(1);
      for (const probe of probes) {
        expect(at(probe, "port")).toBe(port["name"]);
        const path = String(at(probe, "path"));
        const source = command === undefined ? served : [text("app/api.ts")];
        expect(
          source.some((one) => one.includes(`"${path}"`)),
          path,
        ).toBe(true);
      }
    }
    for (const [name, { healthcheck, command, ports }] of services.filter(([name]) => name !== "redis")) {
      const [, number = ""] = /127\.0\.0\.1:(\d+)\//.exec(words(at(healthcheck, "test")).join(" ")) ?? [];
      expect(`${words(command).join(" ")} ${words(ports).join(" ")}`, name).toContain(number);
    }
  });

  test("names objects, labels, secrets and keys that it makes", () => {
    const secrets = new Set(Object.keys(at(ofKind("Secret")[0], "stringData") as Node));
    const asked = [
      ...deployments.flatMap((object) =>
        list(container(object), "env").map((one) => at(one, "valueFrom", "secretKeyRef", "key")),
      ),
      ...ofKind("TriggerAuthentication").flatMap((object) =>
        list(object, "spec", "secretTargetRef").map(({ key }) => key),
      ),
    ].filter((key) => key !== undefined);
    expect(asked.filter((key) => typeof key !== "string" || !secrets.has(key))).toEqual([]);
    const names = new Set(deployments.map(nameOf));
    for (const object of ofKind("ScaledObject")) expect(names).toContain(at(object, "spec", "scaleTargetRef", "name"));
    const labels = deployments.map((object) => JSON.stringify(at(object, "spec", "template", "metadata", "labels")));
    for (const object of [...deployments, ...ofKind("PodDisruptionBudget")])
      expect(labels).toContain(JSON.stringify(at(object, "spec", "selector", "matchLabels")));
    for (const object of ofKind("Service")) expect(labels).toContain(JSON.stringify(at(object, "spec", "selector")));
    const made = documents("kubernetes/kustomization.yaml")[0];
    const apart = ["kubernetes/kustomization.yaml", "kubernetes/secret.example.yaml"];
    const files = filesIn("kubernetes").filter((path) => !apart.includes(path));
    expect(
      words(at(made, "resources"))
        .map((name) => `kubernetes/${name}`)
        .toSorted(),
    ).toEqual(files.toSorted());
  });

  test("nothing runs as root, or may become it", () => {
    for (const object of deployments) {
      expect(at(object, "spec", "template", "spec", "securityContext", "runAsNonRoot")).toBe(true);
      expect(at(container(object), "securityContext")).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
      });
    }
    for (const unit of units) expect(text(unit)).toMatch(/^User=(?!root)\w+$/m);
    const last = stages().at(-1) ?? [];
    const order = last.map(({ name }) => name);
    expect(last.find(({ name }) => name === "USER")?.rest).toBe("node");
    expect(order.lastIndexOf("USER")).toBeGreaterThan(order.lastIndexOf("RUN"));
  });

  test("the image copies what there is, and its process is number 1", () => {
    const sources = stages()
      .flat()
      .filter(({ name, rest }) => name === "COPY" && !rest.startsWith("--from"))
      .flatMap(({ rest }) => rest.split(" ").slice(0, -1))
      .filter((path) => !path.includes("*") && path !== "package-lock.json");
    expect(sources.filter((path) => !existsSync(join(folder, "app", path)))).toEqual([]);
    expect(execForm("ENTRYPOINT")[0]).toBe("node");
    expect(commands.flatMap(([, given]) => given).filter((word) => /^(?:npm|npx|sh)$/.test(word))).toEqual([]);
  });

  test("scales by figures that the dashboard has, and by what a worker runs at once", () => {
    const trigger = at(documents("keda/prometheus.yaml")[0], "spec", "triggers", 0, "metadata");
    const figures = [...String(at(trigger, "query")).matchAll(/celeriac_\w+/g)].map(([name]) => name);
    const page = readTree("src/dashboard/metrics")
      .map((file) => file.text)
      .join("\n");
    expect(figures.length).toBe(2);
    expect(figures.filter((name) => !page.includes(`"${name}"`))).toEqual([]);
    const worker = deployments.find((object) => nameOf(object) === "worker") ?? {};
    expect(Number(at(trigger, "threshold"))).toBe(parsed(words(container(worker)["args"]))["concurrency"]);
  });
});

describeWith("systemd-analyze", "the systemd units", () => {
  test("are taken by systemd", async () => {
    const copy = await mkdtemp(join(tmpdir(), "celeriac-units-"));
    try {
      const paths: string[] = [];
      for (const unit of units) {
        const path = join(copy, (unit.split("/")[1] ?? "").replace("@.", "@1."));
        await cp(join(folder, unit), path);
        paths.push(path);
      }
      // It looks for programs too, which are elsewhere on each machine.
      const said = execFileSync("systemd-analyze", ["verify", ...paths], { encoding: "utf8", stdio: "pipe" });
      expect(said).toBe("");
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });
});
