/** Other people's texts: as text nodes, in the mono face, with a bound; links only to http and https. */

import { useState } from "react";
import { linkParts } from "../text/link.ts";
import { Button } from "./button.tsx";

const shown = 20_000;

export function Code({
  text,
  label,
  wrap = true,
}: {
  readonly text: string;
  readonly label: string;
  readonly wrap?: boolean;
}) {
  const [all, setAll] = useState(false);
  const cut = !all && text.length > shown;
  return (
    <div>
      <pre
        tabIndex={0}
        aria-label={label}
        className={`quiet-scroll max-h-[32rem] overflow-auto rounded bg-sunken px-3 py-2 font-mono text-small ${wrap ? "break-words whitespace-pre-wrap" : ""}`}
      >
        <Linked text={cut ? text.slice(0, shown) : text} />
      </pre>
      {cut ? (
        <Button className="mt-1" onClick={() => setAll(true)}>
          Show all
        </Button>
      ) : null}
    </div>
  );
}

export function Linked({ text }: { readonly text: string }) {
  return linkParts(text).map(({ text, href }, index) =>
    href === undefined ? (
      text
    ) : (
      <a key={index} href={href} rel="noopener noreferrer nofollow" target="_blank" className="underline">
        {text}
      </a>
    ),
  );
}
