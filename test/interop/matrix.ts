/** All rows of the matrix, in the order in which they are shown. */

import type { Behaviour } from "./behaviour.ts";
import { chains } from "./behaviour/canvas-chains.ts";
import { chords } from "./behaviour/canvas-chords.ts";
import { errors } from "./behaviour/canvas-errors.ts";
import { flow } from "./behaviour/canvas-flow.ts";
import { groups } from "./behaviour/canvas-groups.ts";
import { content } from "./behaviour/content.ts";
import { events } from "./behaviour/events.ts";
import { control } from "./behaviour/control.ts";
import { ledger } from "./behaviour/ledger.ts";
import { outcomes } from "./behaviour/outcomes.ts";
import { setups } from "./behaviour/setups.ts";
import { sharing } from "./behaviour/sharing.ts";
import { timing } from "./behaviour/timing.ts";
import { values } from "./behaviour/values.ts";

export const behaviours: readonly Behaviour[] = [
  ...values,
  ...timing,
  ...outcomes,
  ...content,
  ...setups,
  ...sharing,
  ...ledger,
  ...control,
  ...events,
  ...chains,
  ...groups,
  ...chords,
  ...errors,
  ...flow,
];
