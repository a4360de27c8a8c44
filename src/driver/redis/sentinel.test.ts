/** A Sentinel set-up whose master dies: the driver asks the sentinels again and goes on with the new one. */

import { expect, it } from "vitest";
import { parseBrokerUrl } from "../../app/connect.ts";
import { freePort } from "../../../test/server/free-port.ts";
import { Catch, eventually, idOf, makeBackend, never, outgoing } from "../../../test/server/redis-backend.ts";
import { startSentinel } from "../../../test/server/redis-sentinel.ts";
import { describeWith } from "../../../test/server/required-program.ts";

const name = "mymaster";

describeWith("redis-server", "redis behind sentinels", () => {
  it("goes on with the new master: what was waiting, running and sent meanwhile", async () => {
    await using group = await startSentinel({ name, password: "servers", sentinelPassword: "sentinels" });
    // The first of the sentinels is away for good.
    const hosts = `sentinel://:servers@127.0.0.1:${await freePort()};sentinel://:servers@127.0.0.1:${group.port}/0`;
    const url = parseBrokerUrl(`${hosts}?master_name=${name}&sentinelPassword=sentinels`).href;
    const backend = makeBackend(url, { commandTimeout: 60_000 });
    expect(await backend.open(never)).toEqual([]);
    await backend.broker.publish([outgoing("q", "running"), outgoing("q", "waiting")], never);
    const caught = await Catch.open(backend, "q", 1);
    const [running] = await caught.until(1);
    await group.replicated();
    await group.master.kill();
    const dedupe = { id: "sent", nonce: "n", window: 60_000 };
    expect(await backend.broker.publish([outgoing("q", "sent", { dedupe })], never)).toEqual([{ kind: "accepted" }]);
    expect(await group.replica.cli("llen", "q")).toBe("2");
    const meta = Buffer.from('{"status":"SUCCESS","result":null}');
    if (running === undefined) throw new Error("nothing came");
    const result = { id: idOf(running), state: "SUCCESS", final: true, fence: running.fence, meta, ttl: undefined };
    expect(await caught.consumer.settle([{ delivery: running, then: { kind: "ack" }, result }])).toEqual([
      { kind: "settled" },
    ]);
    caught.consumer.want(3, 3);
    expect((await caught.until(3)).map(idOf)).toEqual(["running", "waiting", "sent"]);
    await backend.close();
  });

  it("follows a master that was made a replica while it lived", async () => {
    await using group = await startSentinel({ name });
    const backend = makeBackend(`sentinel://127.0.0.1:${group.port}?master=${name}`, { commandTimeout: 60_000 });
    await backend.open(never);
    await backend.broker.publish([outgoing("q", "before")], never);
    await group.replicated();
    // Not before the sentinel has seen the replica well.
    await eventually("the order", async () => (await group.ask("sentinel", "failover", name)) === "OK");
    // Who is promoted loses all clients once, redis-cli among them.
    const role = (): Promise<string> => group.replica.cli("role").catch(() => "in between");
    await eventually("the new master", async () => (await role()).startsWith("master"));
    // The sentinel tells the old one after ten seconds, and ends its connections; told like this they stay, and only reads work.
    await group.master.cli("replicaof", "127.0.0.1", String(group.replica.port));
    const dedupe = { id: "after", nonce: "n", window: 60_000 };
    expect(await backend.broker.publish([outgoing("q", "after", { dedupe })], never)).toEqual([{ kind: "accepted" }]);
    expect(await group.replica.cli("llen", "q")).toBe("2");
    await backend.close();
  });

  it("says what is wrong: no sentinel there, and none that knows the name", async () => {
    await using group = await startSentinel({ name });
    const nobody = makeBackend(`sentinel://127.0.0.1:${await freePort()}?master=${name}`, { commandTimeout: 3_000 });
    await expect(nobody.open(never)).rejects.toMatchObject({ code: "BACKEND_UNREACHABLE" });
    const misnamed = makeBackend(`sentinel://127.0.0.1:${group.port}?master=other`);
    await expect(misnamed.open(never)).rejects.toMatchObject({
      code: "BACKEND_REFUSED",
      message: expect.stringContaining('check "master"') as string,
    });
  });
});
