/** What is tried again: its next attempt begins, and of this one only what its own start left behind. */

import { expect, it } from "vitest";
import { beginOne, go, goes, ledgerOf, startOf, take } from "./ledger-rig.ts";
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
    for (let repeats = 0; repeats < 2; repeats++) await ledger.reopen([{ ...first, as: "retried" }]);
    const other = { messageId: "other" };
    expect(await beginOne(client, id, other), "never handed out").toEqual(stale);
    expect(await beginOne(client, id, { ...other, redelivered: true, formerly: ["other"] })).toEqual(stale);
    const second = await go(client, id, { attempt: 2, messageId: "second" });
    expect(await beginOne(client, id, other)).toEqual(stale);
    await ledger.reopen([{ ...second, as: "retried" }]);
    for (const attempt of [1, 2]) expect(await beginOne(client, id, { ...other, attempt })).toEqual(stale);
    expect(await beginOne(client, id, { attempt: 3 })).toEqual(goes(0, 0));
  });

  it("lets its own message go again, for the next one may not have been sent, and counts nothing for it", async () => {
    const rig = use();
    const [client, id] = [await rig.client(), rig.name("left")];
    const first = await go(client, id, { messageId: "first", blame: "sure" });
    await ledgerOf(client).reopen([{ ...first, as: "retried" }]);
    const back = { messageId: "first", redelivered: true, formerly: ["first"] };
    expect(await beginOne(client, id, back)).toEqual(goes(0, 0));
    const unnamed = rig.name("unnamed");
    const started = await go(client, unnamed, { messageId: undefined });
    await ledgerOf(client).reopen([{ ...started, as: "retried" }]);
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

  // Sent twice for an unclear answer, a task that puts a workflow in its place ran once for each of its messages.
  it("lets only what ends the workflow go in its place, and what does not say whether it does", async () => {
    const rig = use();
    const [client, id] = [await rig.client(), rig.name("in-place")];
    const ledger = ledgerOf(client);
    const first = await go(client, id, { messageId: "first" });
    await ledger.reopen([{ ...first, as: "replaced" }]);
    for (const again of [{}, { redelivered: true, formerly: ["other"] }])
      expect(await beginOne(client, id, { messageId: "other", ...again }), "sent twice").toEqual(stale);
    const left = startOf(id, { messageId: "first", redelivered: true, formerly: ["first"] });
    const unsaid = startOf(id, { unsaid: true });
    const last = startOf(id, { attempt: 1_000_001, redelivered: true, formerly: ["last"] });
    expect(await ledger.follows([left, unsaid, last])).toEqual([first.fence, first.fence, first.fence]);
    expect(await ledger.begin([last])).toEqual([goes(0, 0)]);
    expect(await ledger.begin([left, startOf(id, { messageId: "other" })])).toEqual([stale, stale]);
    expect(await ledger.begin([unsaid]), "what has begun is another's").toEqual([stale]);

    const old = rig.name("old");
    const former = await go(client, old, { messageId: "first" });
    await ledger.reopen([{ ...former, as: "replaced" }]);
    expect(await beginOne(client, old, { messageId: "other", unsaid: true })).toEqual(goes(0, 0));
  });

  it("gives back what it kept of a run that is tried again", async () => {
    const rig = use();
    const [client, id] = [await rig.client(), rig.name("kept")];
    const ledger = ledgerOf(client);
    const first = await go(client, id, { messageId: "first" });
    await take(client, first, 60_000);
    await ledger.reopen([{ ...first, as: "retried" }]);
    expect(await beginOne(client, id, { messageId: "other" })).toEqual(stale);
    expect(await beginOne(client, id, { attempt: 2 })).toEqual(goes(0, 0));
  });
}
