/** What is tried again: its next attempt begins, and of this one only what its own start left behind. */

import { expect, it } from "vitest";
import { beginOne, go, goes, ledgerOf, take } from "./ledger-rig.ts";
import { useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const stale = { kind: "stale" };

export function retriedCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("refuses a second message of an attempt that has failed, before and after the next one begins", async () => {
    const rig = use();
    const [client, id] = [await rig.client(), rig.name("twice")];
    const ledger = ledgerOf(client);
    const first = await go(client, id, { messageId: "first" });
    for (let repeats = 0; repeats < 2; repeats++) await ledger.reopen([{ ...first, retried: true }]);
    const other = { messageId: "other" };
    expect(await beginOne(client, id, other), "never handed out").toEqual(stale);
    expect(await beginOne(client, id, { ...other, redelivered: true, formerly: ["other"] })).toEqual(stale);
    const second = await go(client, id, { attempt: 2, messageId: "second" });
    expect(await beginOne(client, id, other)).toEqual(stale);
    await ledger.reopen([{ ...second, retried: true }]);
    for (const attempt of [1, 2]) expect(await beginOne(client, id, { ...other, attempt })).toEqual(stale);
    expect(await beginOne(client, id, { attempt: 3 })).toEqual(goes(0, 0));
  });

  it("lets its own message go again, for the next one may not have been sent, and counts nothing for it", async () => {
    const rig = use();
    const [client, id] = [await rig.client(), rig.name("left")];
    const first = await go(client, id, { messageId: "first", blame: "sure" });
    await ledgerOf(client).reopen([{ ...first, retried: true }]);
    const back = { messageId: "first", redelivered: true, formerly: ["first"] };
    expect(await beginOne(client, id, back)).toEqual(goes(0, 0));
    const unnamed = rig.name("unnamed");
    const started = await go(client, unnamed, { messageId: undefined });
    await ledgerOf(client).reopen([{ ...started, retried: true }]);
    expect(await beginOne(client, unnamed, { redelivered: true })).toEqual(goes(0, 0));
  });

  it("lets any message go of what goes on in another way, such as by a workflow in its place", async () => {
    const rig = use();
    const [client, id] = [await rig.client(), rig.name("replaced")];
    const ledger = ledgerOf(client);
    const first = await go(client, id, { attempt: 2 });
    await ledger.reopen([first]);
    expect(await beginOne(client, id, { attempt: 1 })).toEqual(goes(0, 0));
  });

  it("gives back what it kept of a run that is tried again", async () => {
    const rig = use();
    const [client, id] = [await rig.client(), rig.name("kept")];
    const ledger = ledgerOf(client);
    const first = await go(client, id, { messageId: "first" });
    await take(client, first, 60_000);
    await ledger.reopen([{ ...first, retried: true }]);
    expect(await beginOne(client, id, { messageId: "other" })).toEqual(stale);
    expect(await beginOne(client, id, { attempt: 2 })).toEqual(goes(0, 0));
  });
}
