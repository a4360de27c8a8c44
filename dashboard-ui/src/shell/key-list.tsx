/** The list of keys under `?`. */

import { useRef } from "react";
import { keyList, useKeys } from "../place/keys.ts";
import { Button } from "../part/button.tsx";

export function KeyList() {
  const dialog = useRef<HTMLDialogElement>(null);
  useKeys({ "?": () => dialog.current?.showModal() });
  return (
    <dialog
      ref={dialog}
      aria-label="Keys"
      className="m-auto w-[min(30rem,calc(100vw-2rem))] rounded border bg-surface p-4 text-ink shadow-lg backdrop:bg-ground/60"
      onClick={(event) => {
        if (event.target === dialog.current) dialog.current.close();
      }}
    >
      <h2 className="mb-2 text-large font-semibold">Keys</h2>
      <dl className="grid grid-cols-[max-content_1fr] gap-x-6 gap-y-1">
        {keyList.map(({ keys, what }) => (
          <div key={keys} className="contents">
            <dt>
              {keys.split(" ").map((key) => (
                <kbd
                  key={key}
                  className="mr-1 rounded border border-line-strong/60 bg-sunken px-1.5 font-mono text-small"
                >
                  {key === "Escape" ? "Esc" : key === "Enter" ? "⏎" : key}
                </kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog" className="mt-3">
        <Button type="submit" onClick={() => dialog.current?.close()}>
          Close
        </Button>
      </form>
    </dialog>
  );
}
