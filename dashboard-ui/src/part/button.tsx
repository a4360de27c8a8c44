/** Buttons: plain, and those that destroy, which ask once more in their own place. */

import { type ComponentProps, type ReactNode, useState } from "react";

const tones = {
  plain: "border-line-strong/60 bg-surface text-ink hover:bg-sunken",
  main: "border-accent bg-accent text-on-accent hover:opacity-90",
  bad: "border-failed/60 bg-surface text-failed hover:bg-bad-soft",
} as const;

export type Tone = keyof typeof tones;

export function Button({
  tone = "plain",
  className = "",
  ...rest
}: { readonly tone?: Tone; readonly children: ReactNode } & ComponentProps<"button">) {
  return (
    <button
      type="button"
      className={`inline-flex h-7 items-center gap-1.5 rounded border px-2.5 whitespace-nowrap disabled:opacity-50 max-sm:h-9 ${tones[tone]} ${className}`}
      {...rest}
    />
  );
}

/** For what cannot be undone: the first press asks, the second does. */
export function ConfirmButton({
  label,
  question,
  onConfirm,
  disabled = false,
}: {
  readonly label: string;
  readonly question: string;
  readonly onConfirm: () => void;
  readonly disabled?: boolean;
}) {
  const [asking, setAsking] = useState(false);
  if (!asking)
    return (
      <Button tone="bad" disabled={disabled} onClick={() => setAsking(true)}>
        {label}
      </Button>
    );
  return (
    <span className="inline-flex flex-wrap items-center gap-2" role="group" aria-label={question}>
      <span>{question}</span>
      <Button
        tone="bad"
        // The question has taken the place of the button that had the focus.
        autoFocus
        onClick={() => {
          setAsking(false);
          onConfirm();
        }}
      >
        {label}
      </Button>
      <Button onClick={() => setAsking(false)}>Keep</Button>
    </span>
  );
}
