/** What a message that nobody here has begun would come after: it goes back with that, and later starts are not taken for it. */

import { expect, it } from "vitest";
import { beginOne, go, goes, ledgerOf, startOf } from "./ledger-rig.ts";
import { useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const stale = { kind: "stale" };

export function followsCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("says up to which start a message would come after, and tells later ones from it by their fences", async () => {
    const rig = use();
    const [client, id] = [await rig.client(), rig.name("follows")];
    const ledger = ledgerOf(client);
    const back = startOf(id, { messageId: "m", redelivered: true, formerly: ["m"] });
    expect(await ledger.follows([])).toEqual([]);
    expect(await ledger.follows([back, startOf(rig.name("none"))]), "nothing has begun").toEqual([0, 0]);
    const first = await go(client, id, { messageId: "m" });
    const elsewhere = { ...back, formerly: ["other"] };
    expect(await ledger.follows([back, elsewhere, startOf(id)])).toEqual([first.fence, undefined, undefined]);
    expect(await ledger.follows([startOf(id, { attempt: 2 })])).toEqual([first.fence]);
    // Put back by who had not begun it, and begun meanwhile by who was given the very same message.
    const copy = startOf(id, { messageId: "copy", redelivered: true, formerly: [`:${String(first.fence)}`] });
    expect(await ledger.follows([copy])).toEqual([first.fence]);
    const second = await go(client, id, back);
    expect(await ledger.begin([copy]), "beside the run of the other").toEqual([stale]);
    expect(await ledger.follows([copy, back])).toEqual([undefined, second.fence]);
    await ledger.reopen([second]);
    expect(await ledger.follows([startOf(id)]), "open to all").toEqual([second.fence]);
    await ledger.reopen([{ ...second, as: "retried" }]);
    expect(await ledger.follows([copy, back])).toEqual([undefined, second.fence]);
    expect(await beginOne(client, id, { ...copy, formerly: ["other", `:${String(second.fence)}`] })).toEqual(
      goes(0, 1),
    );
  });
}
