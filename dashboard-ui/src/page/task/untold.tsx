/** A task that no event told of: its sender tells nothing, and no worker has had it. The broker may know it all the same. */

import { Section } from "../../part/bits.tsx";
import { IdText } from "../../part/bits.tsx";
import { Refusal } from "../../server/ask.ts";
import { MessageView } from "./message-view.tsx";
import { WhyNotRunning } from "./why-not.tsx";

export function isUntold(error: Error | null): boolean {
  return error instanceof Refusal && error.status === 404;
}

export function Untold({ id }: { readonly id: string }) {
  return (
    <div className="flex flex-col gap-5">
      <div>
        <h1 className="text-large font-semibold">A task that nobody told of</h1>
        <IdText id={id} whole />
        <p className="max-w-prose text-dim">
          No worker has had it, or it is older than what is kept. This is what the broker says of it now.
        </p>
      </div>
      <WhyNotRunning id={id} />
      <Section title="Message">
        <MessageView id={id} queue={undefined} />
      </Section>
    </div>
  );
}
